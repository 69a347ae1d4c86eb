"""Names by rack: broker 5 in rack `eu-west-1a` is `b5.eu-west-1a.kafka.example.com`.

A name tells where its broker is, so DNS can lead clients of each place a way of their own.
"""

from wit_world.exports.address_map import (
    Advertised,
    Broker,
    Client,
    ClientFields,
    Inbound,
    Plan,
    Target,
    Target_Bootstrap,
)

from config import Config
from names import Listener, below, broker, no_such_name, node_id, not_mapped


class Racks:
    def __init__(self, config: Config):
        self.listener = Listener(config)
        self.domain = config.text("domain")
        self.racks = config.words("racks")

    def plan(self) -> Plan:
        bootstrap = f"bootstrap.{self.domain}"
        names = [f"*.{rack}.{self.domain}" for rack in self.racks]
        return self.listener.plan(ClientFields(0), [bootstrap], [bootstrap, *names])

    def advertise(self, broker: Broker, _: Client) -> Advertised:
        if broker.rack not in self.racks:
            raise not_mapped("its rack is not in the configuration")
        return self.listener.at(f"b{broker.node_id}.{broker.rack}.{self.domain}")

    def route(self, inbound: Inbound) -> Target:
        name = below(self.listener.name_in(inbound), self.domain)
        if name == "bootstrap":
            return Target_Bootstrap()
        label, _, rack = (name or "").partition(".")
        if rack not in self.racks:
            raise no_such_name()
        return broker(node_id(label, "b"))
