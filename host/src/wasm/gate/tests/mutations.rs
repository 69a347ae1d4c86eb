//! The good component, damaged at random: bytes flipped, sections cut, doubled, moved, replaced.
//! Whatever is admitted has the accepted surface, and nothing panics.

#[path = "../../../../../tests/src/soak.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the tests against real clusters use the rest"
)]
mod soak;

use super::text::Text;
use super::*;
use crate::wasm::BUILT_IN;

/// xorshift64*: the same damage on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).expect("31 bits") % most.max(1)
    }
}

/// Outermost sections, header excluded: where each begins and ends.
fn sections(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 8;
    while at < bytes.len() {
        let (mut length, mut shift, mut next) = (0_usize, 0, at + 1);
        loop {
            let byte = bytes[next];
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            next += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        found.push(at..next + length);
        at = next + length;
    }
    found
}

fn damaged(good: &[u8], random: &mut Random) -> Vec<u8> {
    let sections = sections(good);
    let mut pick = || sections[random.below(sections.len())].clone();
    let (one, other) = (pick(), pick());
    let mut bytes = good.to_vec();
    match random.below(8) {
        0 => drop(bytes.drain(one)),
        1 => drop(bytes.splice(other.start..other.start, good[one].iter().copied())),
        2 => drop(bytes.splice(other, good[one].iter().copied())),
        3 => {
            bytes.truncate(8);
            let mut order: Vec<usize> = (0..sections.len()).collect();
            order.swap(random.below(sections.len()), random.below(sections.len()));
            bytes.extend(
                order
                    .into_iter()
                    .flat_map(|at| good[sections[at].clone()].to_vec()),
            );
        }
        4 => {
            // Inside everything but the core modules, where the surface is.
            let outside: Vec<usize> = sections
                .iter()
                .filter(|section| good[section.start] != 1)
                .flat_map(Clone::clone)
                .collect();
            for _ in 0..=random.below(3) {
                let at = outside[random.below(outside.len())];
                bytes[at] = bytes[at].wrapping_add(u8::try_from(1 + random.below(255)).unwrap());
            }
        }
        5 => bytes.truncate(random.below(good.len())),
        6 => {
            let at = random.below(good.len());
            bytes.insert(at, u8::try_from(random.below(256)).unwrap());
        }
        _ => {
            for _ in 0..=random.below(4) {
                let at = random.below(good.len());
                bytes[at] ^= 1 << random.below(8);
            }
        }
    }
    bytes
}

/// The surface as another reader finds it: all that wasmtime's own types say of it.
fn has_the_accepted_surface(bytes: &[u8]) -> bool {
    let types = Validator::new_with_features(FEATURES)
        .validate_all(bytes)
        .expect("admitted");
    let types = types.as_ref();
    let item = types.component_item_for_export(NAME).expect("admitted");
    let ComponentEntityType::Instance(instance) = item.ty else {
        return false;
    };
    let lines = surface::lines(types, instance).expect("admitted");
    lines.join("\n") + "\n" == WORLDS[0].surface && outer_exports(bytes) == [NAME]
}

fn outer_exports(bytes: &[u8]) -> Vec<String> {
    let (mut depth, mut names) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.expect("admitted") {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentExportSection(section) if depth == 1 => {
                names.extend(
                    section
                        .into_iter()
                        .map(|one| one.unwrap().name.name.to_owned()),
                );
            }
            _ => {}
        }
    }
    names
}

#[test]
fn damage_never_makes_another_surface_acceptable() {
    let small = Text::default().bytes();
    let (mut admitted, mut refused) = (0_usize, 0_usize);
    let rounds = soak::times(3_000, 100_000);
    for (good, seed) in [(small.as_slice(), 1), (BUILT_IN, 2)] {
        let mut random = Random(seed);
        for _ in 0..rounds / 2 {
            let bytes = damaged(good, &mut random);
            match judged(&bytes) {
                Ok(_) => {
                    assert!(has_the_accepted_surface(&bytes));
                    admitted += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    // Damage inside a core module or a comment leaves the surface alone; all other does not.
    assert!(
        admitted > 0 && refused > admitted,
        "{admitted} admitted, {refused} refused"
    );
    let result = format!(
        "{refused} damaged components refused, {admitted} admitted: none with another surface, 0 panics"
    );
    soak::note("damaged components", &result);
}
