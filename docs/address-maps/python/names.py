"""What the schemes that go by server name have in common, and short answers for all."""

from componentize_py_types import Err
from wit_world.exports.address_map import (
    Advertised,
    BrokerTarget,
    ClientFields,
    Endpoint,
    Error_NotMapped,
    Error_NotRoutable,
    Inbound,
    ListenerPlan,
    Plan,
    PortRange,
    Target_Broker,
)

from config import Config, number


class Listener:
    """The listener of a map whose addresses differ in the name alone."""

    def __init__(self, config: Config):
        self.name = config.text("listener")
        # What clients dial, and where throughway listens.
        self.port = config.port("port")
        self.local_port = config.port("local-port")

    def at(self, host: str) -> Advertised:
        return Advertised(Endpoint(host, self.port), self.local_port)

    def plan(self, depends_on: ClientFields, bootstrap: list[str], names: list[str]) -> Plan:
        listener = ListenerPlan(
            name=self.name,
            needs_server_name=True,
            bootstrap=[self.at(host) for host in bootstrap],
            local_ports=[PortRange(self.local_port, self.local_port)],
            server_names=names,
        )
        return Plan(depends_on, [listener])

    def name_in(self, inbound: Inbound) -> str:
        """The name that a connection asks for."""
        if inbound.listener != self.name:
            raise not_routable("not a listener of this map")
        if inbound.server_name is None:
            raise not_routable("no server name")
        return inbound.server_name


def below(name: str, domain: str) -> str | None:
    """What stands before `.domain`."""
    return name.removesuffix(f".{domain}") if name.endswith(f".{domain}") else None


def node_id(label: str | None, prefix: str) -> int:
    """The id in `b5` when the prefix is `b`, as it is written and no other way."""
    if label is not None and label.startswith(prefix):
        digits = label.removeprefix(prefix)
        found = number(digits)
        if found is not None and str(found) == digits and found < 2**31:
            return found
    raise no_such_name()


def broker(node_id: int, upstream_hint: Endpoint | None = None) -> Target_Broker:
    return Target_Broker(BrokerTarget(node_id, upstream_hint))


def not_mapped(why: str) -> Err:
    return Err(Error_NotMapped(why))


def not_routable(why: str) -> Err:
    return Err(Error_NotRoutable(why))


def no_such_name() -> Err:
    return not_routable("no broker has this name")
