//! Metadata and DescribeCluster: broker arrays at the head of a message (`protocol.md` §4.4).
