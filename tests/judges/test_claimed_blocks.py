"""Several processes that judge the same texts; threads stand for them."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from llm_server import LLMServer, language_model

from sklearn_hsae._cache import DiskCache
from sklearn_hsae.judges._claimed_blocks import ClaimedBlocks
from sklearn_hsae.judges._judged_pairs import JudgedPairs
from sklearn_hsae.judges._llm_judge import LLMJudge

CONCEPTS = ["mentions tidy", "mentions tiny"]
TEXTS = [f"text {i} " + ["tidy", "tiny", "old"][i % 3] for i in range(24)]
TRUTH = np.array([["tidy" in text, "tiny" in text] for text in TEXTS], dtype=float)


def pairs_of(folder):
    return JudgedPairs(DiskCache(folder, "llm"), {}, TEXTS[:4], CONCEPTS)


def judge(server, folder, texts, **options):
    llm = language_model(server, {"cache_dir": str(folder), **options})
    return LLMJudge(llm, texts_per_call=3).fit(CONCEPTS, texts).judge(texts)


def test_a_claimed_block_is_postponed_until_its_reply_is_there(tmp_path):
    first, second = pairs_of(tmp_path), pairs_of(tmp_path)
    blocks = [([0, 1], [0, 1]), ([2, 3], [0, 1])]
    with ClaimedBlocks(first, 1) as claims, ClaimedBlocks(second, 2) as others:
        assert next(claims.free(blocks)) == blocks[0]
        # One text of it is enough.
        assert list(others.free([([1, 2], [0, 1]), ([3], [0, 1])])) == [([3], [0, 1])]
        assert others.postponed.any(axis=1).tolist() == [False, True, True, False]
        first.take([(*blocks[0], np.ones((2, 2)))])
        claims.end(*blocks[0])
    with ClaimedBlocks(second, 2) as others:
        # A block that another process judged in part is asked in smaller ones.
        assert list(others.free([([0], [0, 1]), ([1, 2], [0, 1])])) == []
        assert second.missing().any(axis=1).tolist() == [False, False, True, True]


def test_a_claim_ends_with_an_error(tmp_path):
    block = [0], [0]
    with ClaimedBlocks(pairs_of(tmp_path), 1) as claims:
        running = claims.free([block])
        next(running)
    with ClaimedBlocks(pairs_of(tmp_path), 1) as others:
        assert list(others.free([block])) == [block]
    # Ctrl-C ends the claims, while the thread of the calls still takes blocks.
    assert list(claims.free([([1], [0])])) == []
    with ClaimedBlocks(pairs_of(tmp_path), 1) as others:
        assert list(others.free([([1], [0])])) == [([1], [0])]


def test_no_text_is_judged_twice_by_several_at_once(tmp_path):
    orders = [TEXTS, TEXTS[::-1], TEXTS[5:] + TEXTS[:5]]
    with LLMServer(latency=0.02) as server, ThreadPoolExecutor() as threads:

        def judge_all(texts):
            return judge(server, tmp_path, texts, max_concurrency=2)

        found = list(threads.map(judge_all, orders))
    for texts, annotations in zip(orders, found, strict=True):
        rows = [TEXTS.index(text) for text in texts]
        np.testing.assert_array_equal(annotations, TRUTH[rows])
    prompts = [call["body"]["messages"][0]["content"] for call in server.calls]
    shown = [json.loads(p.split("<texts>")[1].split("</texts>")[0]) for p in prompts]
    assert sorted(text for block in shown for text in block.values()) == sorted(TEXTS)
