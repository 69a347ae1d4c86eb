//! The eight features that the licence excludes, by the names under which users know them.
//!
//! Pure data. It must not know where they are asked for: settings are judged by `config`, calls by
//! `admin`, components by `wasm`.

/// A feature of the product that throughway replaces, and that is not to be had here.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Feature {
    /// Plugins that see or change requests and responses.
    Interceptors,
    /// Topics that show a part of another.
    TopicViews,
    /// Second names for topics.
    AliasTopics,
    /// Several clusters made of one.
    VirtualClusters,
    /// Accounts that the proxy keeps itself, and all security that it manages.
    GatewayServiceAccounts,
    /// Groups of such accounts.
    GatewayGroups,
    /// Many topics kept in one.
    TopicConcentration,
    /// A second cluster to switch to.
    Failover,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Interceptors,
        Self::TopicViews,
        Self::AliasTopics,
        Self::VirtualClusters,
        Self::GatewayServiceAccounts,
        Self::GatewayGroups,
        Self::TopicConcentration,
        Self::Failover,
    ];

    /// As licences and documentation write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interceptors => "Interceptors",
            Self::TopicViews => "Topic views",
            Self::AliasTopics => "Alias topics",
            Self::VirtualClusters => "Virtual Clusters",
            Self::GatewayServiceAccounts => "Gateway service accounts",
            Self::GatewayGroups => "Gateway groups",
            Self::TopicConcentration => "Topic concentration",
            Self::Failover => "Failover",
        }
    }
}
