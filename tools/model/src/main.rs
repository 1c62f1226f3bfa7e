//! Scratch.
use model::model::*;
use stateright::{Checker, Model};
fn main() {
    let a: Vec<u8> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let all = vec![GOOD_CARD, DECLINED, CAPTURE_FAILS];
    let cards: Vec<Vec<&'static str>> = if a[0] == 1 { all.iter().map(|c| vec![*c]).collect() } else { vec![vec![GOOD_CARD, GOOD_CARD],vec![GOOD_CARD, DECLINED]] };
    let bounds = Bounds { cards, pieces: 1, faults: a[1], repeats: a[2], cancels: a[3] > 0, small_steps: a[4] > 0 };
    let m = a.get(5).map(|m| model::mutation::Mutation::ALL[usize::from(*m)]);
    let t = std::time::Instant::now();
    let c = Shop::new(bounds, m).unwrap().checker().threads(2).finish_when(stateright::HasDiscoveries::AnyFailures).timeout(std::time::Duration::from_secs(60)).spawn_bfs().join();
    println!("{m:?} {a:?} unique {} total {} depth {} {:?}", c.unique_state_count(), c.state_count(), c.max_depth(), t.elapsed());
    for (n, p) in c.discoveries() { println!("!! {n}"); 
      let v = p.into_vec(); for (s, a) in v.iter() { if a.is_none() { println!("{s:#?}") } else { println!("{a:?}"); } } }
}
