"""A managed service whose brokers have names that can be computed: broker 5 is `b-5.kafka.example.com`
for clients and `b-5.demo.a1b2c3.c2.kafka.eu-west-1.amazonaws.com` for throughway.

With `GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS=true` a client that comes back after a restart reaches its
broker before the cluster has told where that broker is.
"""

from wit_world.exports.address_map import (
    Advertised,
    Broker,
    Client,
    ClientFields,
    Endpoint,
    Inbound,
    Plan,
    Target,
    Target_Bootstrap,
)

from config import Config
from names import Listener, below, broker, node_id


class Managed:
    def __init__(self, config: Config):
        self.listener = Listener(config)
        self.domain = config.text("domain")
        self.upstream_domain = config.text("upstream-domain")
        self.upstream_port = config.port("upstream-port")

    def plan(self) -> Plan:
        bootstrap, names = f"bootstrap.{self.domain}", f"*.{self.domain}"
        return self.listener.plan(ClientFields(0), [bootstrap], [names])

    def advertise(self, broker: Broker, _: Client) -> Advertised:
        return self.listener.at(f"b-{broker.node_id}.{self.domain}")

    def route(self, inbound: Inbound) -> Target:
        label = below(self.listener.name_in(inbound), self.domain)
        if label == "bootstrap":
            return Target_Bootstrap()
        found = node_id(label, "b-")
        return broker(found, Endpoint(f"b-{found}.{self.upstream_domain}", self.upstream_port))
