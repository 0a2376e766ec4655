"""Made-up records of the evaluations live, fidelity and call-gate, for tests of what reads them; never results."""

import numpy as np

from lrrc.policy_catalogue import CATALOGUE
from lrrc.results.summary import new_record

BUDGETS = (32, 64, 128, 256)
SHARES = {  # policy -> share of checks right at each budget; one number where no budget applies
    "full-context": 0.41,
    "truncated-history": 0.38,
    "no-history": 0.27,
    "oracle": 0.74,
    "recency": (0.29, 0.31, 0.36, 0.39),
    "first-sentences": (0.3, 0.31, 0.33, 0.37),
    "lead": (0.31, 0.33, 0.36, 0.38),
    "bm25": (0.43, 0.47, 0.5, 0.47),
    "embedding": (0.4, 0.45, 0.48, 0.46),
    "rims-only": (0.36, 0.4, 0.44, 0.45),
    "ccf-only": (0.33, 0.37, 0.41, 0.42),
    "tokensqueeze-only": (0.31, 0.34, 0.37, 0.4),
    "lrrc": (0.44, 0.5, 0.54, 0.52),
}
FAMILIES = {"recall": 60, "correction": 55, "rule": 58, "quantity": 40, "assignment": 36, "whereabouts": 30}
VARIANTS = (
    "top_k-1",
    "gate-off",
    "recurrence-off",
    "low_rank-off",
    "hierarchy-off",
    "noop-off",
    "targets-lexical",
    "folds-family",
)
COSTS = {"full-context": 3900, "truncated-history": 2700, "no-history": 950, "oracle": 1080}


def base(evaluation, policy, rank=None, budget=None, variant="", data="embedded", judge="verifier"):
    return {
        "evaluation": evaluation,
        "data": data,
        "judge": judge,
        "policy": policy,
        "rank": rank,
        "budget": budget,
        "variant": variant,
    }


def live_records(n=408, seeds=2):
    """One group of records per policy, rank and budget, as the live evaluation writes them.

    What is at the operating point met all n episodes, and another reader a quarter of them; that and the rest share
    half of them.
    """

    def at_home(evaluation, episodes):
        found = _live_records(evaluation, episodes, seeds)
        return [r for r in found if r["rank"] in (None, 8) and r["budget"] in (None, 128)]

    return [
        *at_home("live", n),
        *_live_records("live-shared", n // 2, seeds),
        *({**record, "agent": "gemma-3-270m"} for record in at_home("live-second", n // 4)),
    ]


def _live_records(evaluation, n, seeds):
    records, half = [], 0.03
    for policy, shares in SHARES.items():
        learned = policy == "lrrc" or policy.endswith("-only")
        pairs = [(None, shares)] if isinstance(shares, float) else list(zip(BUDGETS, shares, strict=True))
        for rank in (8, 4, 16, 32) if policy == "lrrc" else (8,) if policy == "rims-only" else (None,):
            for budget, share in pairs:
                if rank not in (None, 8) and budget != 128:
                    continue  # other ranks at the operating budget alone
                share = share + 0.002 * ((rank or 8) - 8)
                cost = COSTS.get(policy) or 1000 + 8 * budget
                where = base(evaluation, policy, rank, budget)
                sizes = {"n": n, "seeds": seeds if learned and policy != "oracle" else 1}
                add = lambda *numbers, **more: records.append(new_record(where, *numbers, **more))  # noqa: B023, E731
                add("live_success", share, share - half, share + half, **sizes)
                add("live_tokens_per_episode", cost, cost - 60, cost + 60, **sizes)
                add("live_prompt_tokens_per_check", cost / 4, cost / 4 - 12, cost / 4 + 12, **sizes)
                if policy != "full-context":
                    saved = 100 * (1 - cost / COSTS["full-context"])
                    add("live_token_reduction_vs_full", saved, saved - 1, saved + 1, **sizes)
                    gap, test = 100 * (share - 0.41), {"p_raw": 0.002, "effect": 0.2, "sd": 40.0}
                    add("live_success_difference_vs_full", gap, gap - 3.5, gap + 3.5, test=test, **sizes)
                    records[-1]["p_vs_full_context"] = 0.02
                if policy != "lrrc":
                    ours = SHARES["lrrc"][BUDGETS.index(budget or 128)]
                    lead, test = 100 * (ours - share), {"p_raw": 0.01, "effect": 0.1, "p_holm": 0.04}
                    add("lrrc_live_success_minus_policy", lead, lead - 3, lead + 3, test=test, **sizes)
    return records


def variant_records(n=408):
    """live-ablation, and live-by-category of LRRC, its rivals and the references."""
    records = []
    for i, variant in enumerate(VARIANTS):
        share = 0.52 - 0.02 * i
        where = base("live-ablation", "lrrc", 8, 128, variant)
        records.append(new_record(where, "live_success", share, share - 0.03, share + 0.03, n=n, seeds=2))
        records.append(new_record(where, "live_tokens_per_episode", 2020 + i, 1960, 2080 + i, n=n, seeds=2))
        lead, test = 2.0 * i - 1, {"p_raw": 0.3, "effect": 0.1, "p_holm": 0.9}
        records.append(
            new_record(where, "lrrc_live_success_minus_policy", lead, lead - 3, lead + 3, n=n, seeds=2, test=test)
        )
    for i, (family, count) in enumerate(FAMILIES.items()):
        for policy in ("full-context", "no-history", "oracle", "bm25", "lrrc"):
            whole = SHARES[policy] if isinstance(SHARES[policy], float) else SHARES[policy][2]
            share, rank, budget = whole + 0.02 * (i - 2), 8 if policy == "lrrc" else None, None
            budget = 128 if policy in ("bm25", "lrrc") else None
            where = base("live-by-category", policy, rank, budget, family)
            records.append(new_record(where, "live_success", share, share - 0.1, share + 0.1, n=count, seeds=2))
            if policy == "lrrc":
                where_gap = 100 * (share - SHARES["full-context"])
                gap = new_record(
                    where,
                    "live_success_difference_vs_full",
                    where_gap,
                    where_gap - 9,
                    where_gap + 9,
                    n=count,
                    seeds=2,
                    test={"p_raw": 0.2, "effect": 0.1},
                )
                records.append(gap)
    return records


def curve_records(n=408):
    """live-curve and live-equal-tokens of every policy with a stopping parameter, and what tuning chose."""
    records = []
    for policy, shares in SHARES.items():
        if not (stop := CATALOGUE[policy].stop):
            continue
        shares = shares if isinstance(shares, tuple) else (0.3, 0.33, 0.35, shares)
        rank, seeds = (8 if policy == "lrrc" else None), 2 if CATALOGUE[policy].trained else 1
        sizes = {"n": n, "seeds": seeds}
        for i, share in enumerate(shares):
            where, cost = base("live-curve", policy, rank, 128, f"{stop}={i}"), 1200 + 300 * i
            records.append(new_record(where, "live_success", share, share - 0.03, share + 0.03, **sizes))
            records.append(new_record(where, "live_tokens_per_episode", cost, cost - 40, cost + 40, **sizes))
        for variant in ("as given", "chosen"):
            where = base("tune", policy, rank, 128, variant)
            more = {"settings": ["speakers user", "speakers all"], "trials": 12}
            records.append(new_record(where, "captured_gain", 9 + (variant == "chosen"), n=354, seeds=1, **more))
        if policy == "lrrc":
            continue
        where, more = base("live-equal-tokens", policy, rank, 128), {"tokens": 1500, "spent": 1500}
        lead, test = 100 * (0.5 - shares[1]), {"p_raw": 0.01, "effect": 0.1, "p_holm": 0.04}
        records.append(
            new_record(where, "lrrc_live_lead_at_equal_tokens", lead, lead - 2, lead + 2, test=test, **sizes, **more)
        )
        equal = (shares[1], shares[1] - 0.03, shares[1] + 0.03)
        records.append(new_record(where, "live_success_at_equal_tokens", *equal, **sizes, **more))
    return records


def fidelity_records():
    """Extra nats on three data sets."""
    records = []
    kinds = {"embedded": (408, "verifier"), "mt_bench_human_dev": (120, "human"), "tau_bench_airline_dev": (50, None)}
    for data, (n, judge) in kinds.items():
        for i, policy in enumerate(("no-history", "truncated-history", "recency", "bm25", "embedding", "lrrc")):
            rank, nats = 8 if policy == "lrrc" else None, 0.32 - 0.045 * i
            budget = None if policy in ("no-history", "truncated-history") else 128
            where = base("fidelity", policy, rank, budget, data=data, judge=judge)
            seeds = {"n": n, "seeds": 2 if policy == "lrrc" else 1}
            records.append(new_record(where, "nats_over_full_context", nats, nats - 0.03, nats + 0.04, **seeds))
            cost = 0 if policy == "no-history" else 110 + i
            records.append(new_record(where, "fidelity_tokens_per_call", cost, cost - 2, cost + 2, **seeds))
            if policy != "lrrc":
                gap = 0.095 - nats
                records.append(
                    new_record(
                        where,
                        "lrrc_fidelity_minus_policy",
                        gap,
                        gap - 0.02,
                        gap + 0.02,
                        **seeds,
                        test={"p_raw": 0.03, "effect": -0.2, "p_holm": 0.06},
                    )
                )
    return records


def transfer_records():
    """Extra nats on two data sets after training on others."""
    records = []
    for data in ("mt_bench_human_dev", "tau_bench_airline_dev"):
        for policy, variant, nats in (
            ("recency", "", 0.3),
            ("bm25", "", 0.25),
            ("lrrc", "embedded", 0.28),
            ("lrrc", "embedded + other", 0.2),
        ):
            where = base("transfer", policy, 8 if policy == "lrrc" else None, 128, variant, data=data, judge=None)
            sizes = {"n": 200, "seeds": 1}
            records.append(new_record(where, "nats_over_full_context", nats, nats - 0.03, nats + 0.04, **sizes))
            records.append(new_record(where, "fidelity_tokens_per_call", 112, 110, 114, **sizes))
            if policy == "lrrc":
                gap = nats - 0.25
                records.append(
                    new_record(
                        where,
                        "nats_over_best_rule",
                        gap,
                        gap - 0.02,
                        gap + 0.02,
                        **sizes,
                        test={"p_raw": 0.03, "effect": -0.2, "rule": "bm25"},
                    )
                )
                records.append(new_record(where, "nats_over_lead", gap + 0.01, gap - 0.01, gap + 0.03, **sizes))
    return [{**record, "agent": "SmolLM2-135M-Instruct"} for record in records]


def gate_records(n=408):
    """Calls and success at seven thresholds."""
    records = []
    for tau in np.arange(0.3, 1.0, 0.1):
        calls, success = 5 + 3.4 * (tau - 0.3) / 0.6, 0.6 + 0.06 * tau
        where = base("call-gate", "lrrc", 8, 128, f"tau={tau:.2f}")
        records.append(new_record(where, "calls_per_episode", calls, calls - 0.1, calls + 0.1, n=n, seeds=2))
        records.append(new_record(where, "preference_success", success, success - 0.04, success + 0.04, n=n, seeds=2))
    return records


def all_records():
    return [
        *live_records(),
        *variant_records(),
        *curve_records(),
        *fidelity_records(),
        *transfer_records(),
        *gate_records(),
    ]
