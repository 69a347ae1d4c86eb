//! Metadata and DescribeCluster: broker arrays at the head of a message.
//!
//! Only the head is read; topics and partitions behind it are of any size and stay opaque.

use super::answer::Found;
use super::cursor::{Cursor, Encoding, Halt};
use super::section::{BrokerShape, Layout, Unplaced, read_brokers};
use super::{ApiVersion, FrameError};

/// EndpointType of brokers in DescribeCluster; every other one means controllers.
const BROKERS: i8 = 1;

/// Reads a Metadata payload up to its cluster id.
pub(super) fn metadata(cursor: &mut Cursor<'_>, api_version: ApiVersion) -> Result<Found, Halt> {
    let version = api_version.0;
    let encoding = match version {
        0..=8 => Encoding::Classic,
        9..=13 => Encoding::Compact,
        _ => {
            return Err(FrameError::Invalid {
                what: "api version",
            }
            .into());
        }
    };
    header(cursor, encoding)?;
    if version >= 3 {
        cursor.skip(4, "throttle time")?;
    }
    let shape = BrokerShape {
        encoding,
        rack: version >= 1,
        fenced: false,
        controllers: false,
    };
    let mut found = brokers(cursor, shape)?;
    if version >= 2 {
        found.cluster_id = cluster_id(cursor, encoding)?;
    }
    Ok(found)
}

/// Reads a DescribeCluster payload up to the end of its broker array.
pub(super) fn describe_cluster(
    cursor: &mut Cursor<'_>,
    api_version: ApiVersion,
) -> Result<Found, Halt> {
    let version = api_version.0;
    if !(0..=2).contains(&version) {
        return Err(FrameError::Invalid {
            what: "api version",
        }
        .into());
    }
    let encoding = Encoding::Compact;
    header(cursor, encoding)?;
    cursor.skip(4, "throttle time")?;
    cursor.skip(2, "error code")?;
    cursor.string(encoding, "error message")?;
    let endpoint_type = if version >= 1 {
        cursor.i8("endpoint type")?
    } else {
        BROKERS
    };
    let cluster_id = cluster_id(cursor, encoding)?;
    cursor.skip(4, "controller id")?;
    let shape = BrokerShape {
        encoding,
        rack: true,
        fenced: version >= 2,
        controllers: endpoint_type != BROKERS,
    };
    let found = brokers(cursor, shape)?;
    Ok(Found {
        cluster_id,
        ..found
    })
}

fn header(cursor: &mut Cursor<'_>, encoding: Encoding) -> Result<(), Halt> {
    cursor.skip(4, "correlation id")?;
    match encoding {
        Encoding::Classic => Ok(()),
        Encoding::Compact => cursor.tags(),
    }
}

fn brokers(cursor: &mut Cursor<'_>, shape: BrokerShape) -> Result<Found, Halt> {
    let mut brokers = Vec::new();
    let array = read_brokers(cursor, shape, &mut brokers)?;
    Ok(Found {
        brokers,
        cluster_id: None,
        section: array.whole.clone(),
        layout: Layout {
            encoding: shape.encoding,
            unplaced: Unplaced::Removed,
            arrays: vec![array],
        },
    })
}

/// Null and empty (as in error answers) mean that the answer names no cluster.
fn cluster_id(cursor: &mut Cursor<'_>, encoding: Encoding) -> Result<Option<String>, Halt> {
    let Some(bytes) = cursor.string(encoding, "cluster id")? else {
        return Ok(None);
    };
    let text = str::from_utf8(bytes)
        .ok()
        .ok_or(FrameError::Invalid { what: "cluster id" })?;
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}
