"""Ports behind a balancer that forwards a row of public ports to a row of throughway's: the first is
for bootstrap, and broker n has the one n + 1 further, so that another broker moves nobody.
"""

from wit_world.exports.address_map import (
    Advertised,
    Broker,
    Client,
    ClientFields,
    Endpoint,
    Inbound,
    ListenerPlan,
    Plan,
    PortRange,
    Target,
    Target_Bootstrap,
)

from config import Config, config_error
from names import broker, not_mapped, not_routable


class Forwarded:
    def __init__(self, config: Config):
        self.public_first = config.port("public-first")
        self.local_first = config.port("local-first")
        # How far the last port is from the first.
        self.last = config.port("count") - 1
        if max(self.public_first, self.local_first) + self.last > 65535:
            raise config_error("count", "goes beyond port 65535")
        self.listener = config.text("listener")
        self.host = config.text("host")

    def at(self, offset: int) -> Advertised:
        public = Endpoint(self.host, self.public_first + offset)
        return Advertised(public, self.local_first + offset)

    def plan(self) -> Plan:
        listener = ListenerPlan(
            name=self.listener,
            needs_server_name=False,
            bootstrap=[self.at(0)],
            local_ports=[PortRange(self.local_first, self.local_first + self.last)],
            server_names=[self.host],
        )
        return Plan(ClientFields(0), [listener])

    def advertise(self, broker: Broker, _: Client) -> Advertised:
        if broker.node_id + 1 > self.last:
            raise not_mapped("no port for this id")
        return self.at(broker.node_id + 1)

    def route(self, inbound: Inbound) -> Target:
        if inbound.listener != self.listener:
            raise not_routable("not a listener of this map")
        offset = inbound.local_port - self.local_first
        if not 0 <= offset <= self.last:
            raise not_routable("no broker has this port")
        return broker(offset - 1) if offset else Target_Bootstrap()
