//! Money: what pricing one request costs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ledger::bill::{Price, RATIO_ONE, Rates, Tier, cost};
use llm::Usage;

fn pricing(criterion: &mut Criterion) {
    let rates = Rates {
        input: 2_500_000_000,
        output: 10_000_000_000,
        cache_read: Some(1_250_000_000),
        ..Rates::default()
    };
    let tier = |up_to| Tier { up_to, rates };
    let price = Price {
        tiers: vec![tier(Some(200_000)), tier(None)],
        request: 0,
        tools: vec![("web_search_preview".to_owned(), 25_000_000_000)],
    };
    let usage = Usage {
        input: 1_200,
        cache_read: 400,
        output: 310,
        reasoning: 120,
        ..Usage::default()
    };
    let tools = vec![("web_search_preview".to_owned(), 2)];
    criterion.bench_function("cost", |bencher| {
        bencher.iter(|| cost(black_box(&price), black_box(&usage), &tools, RATIO_ONE));
    });
}

criterion_group!(bill, pricing);
criterion_main!(bill);
