//! The queue of what is due, with requests, answers and our own answers in any order, against a model
//! that keeps everything.

use throughway::kafka::in_flight::{Answerer, Due, InFlight, Matched, ResponseKind};
use throughway::kafka::request::LocalAnswer;
use throughway::kafka::{ApiKey, ApiVersion, CorrelationId};

use crate::Choices;

/// So many acks=0 requests are remembered.
const LIMIT: usize = 4;

/// Each byte is one thing that happens, and a correlation id out of few, so that ids repeat.
pub fn in_flight(input: &[u8]) {
    let mut choices = Choices(input);
    let mut queue = InFlight::new(LIMIT);
    let (mut due, mut excused) = (Vec::<Due>::new(), Vec::<Due>::new());
    while !choices.is_over() {
        let byte = choices.byte();
        let one = |answer| Due {
            correlation_id: CorrelationId(i32::from(byte >> 4)),
            api_key: ApiKey(i16::from(byte)),
            api_version: ApiVersion(1),
            answer,
        };
        match byte % 8 {
            0..=2 => {
                let kinds = [
                    ResponseKind::Opaque,
                    ResponseKind::Metadata,
                    ResponseKind::Fetch,
                ];
                let one = one(Answerer::Broker(kinds[usize::from(byte % 8)]));
                queue.push(one);
                due.push(one);
            }
            3 => {
                let one = one(Answerer::Us(LocalAnswer::ApiVersionsUnsupported));
                queue.push(one);
                due.push(one);
            }
            4 => {
                let one = one(Answerer::Broker(ResponseKind::Produce));
                queue.remember_acks_zero(one);
                excused.push(one);
                if excused.len() > LIMIT {
                    excused.remove(0);
                }
            }
            5 => {
                let ours = due.first().copied().filter(is_ours);
                assert_eq!(queue.pop_ours().map(|(due, _)| due), ours);
                if ours.is_some() {
                    due.remove(0);
                }
            }
            _ => {
                let id = CorrelationId(i32::from(byte >> 4));
                assert_eq!(
                    queue.match_response(id),
                    matched(&mut due, &mut excused, id)
                );
            }
        }
        assert_eq!(queue.len(), due.len());
        assert_eq!(queue.is_empty(), due.is_empty());
        assert_eq!(queue.head(), due.first());
    }
}

fn is_ours(due: &Due) -> bool {
    matches!(due.answer, Answerer::Us(_))
}

fn matched(due: &mut Vec<Due>, excused: &mut Vec<Due>, id: CorrelationId) -> Matched {
    match due.first() {
        Some(head) if is_ours(head) => return Matched::Desync,
        Some(head) if head.correlation_id == id => return Matched::Head(due.remove(0)),
        _ => {}
    }
    match excused.iter().position(|one| one.correlation_id == id) {
        Some(at) => Matched::AcksZero(excused.remove(at)),
        None => Matched::Desync,
    }
}
