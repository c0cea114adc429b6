"""Peers of `dermis bench attention --device cuda` that live in Python: FlexAttention, and transformers' own path.

FlexAttention is compiled and gets the mask as a mask_mod over [lo, hi) intervals of a packed axis, with its block mask made
beforehand (not timed). transformers' path is scaled_dot_product_attention with the dense mask that its models hand over, on
a padded batch. Same names, sizes, head counts and masks as benchmarks/attention/workload.cpp; decode is left out.

  python attention_gpu.py [--size NAME ...] [--dtype bf16|fp16] [--rounds 30] [--out FILE.json]
  python attention_gpu.py --check     both against fp64 on small sizes, on the CPU if there is no GPU; times nothing

Times are medians with p10 and p90 of CUDA events, the second-level cache flushed before each call; rates count the visible
pairs and the true head size, backward as 2.5 forwards.
"""

import argparse
import json
import math
import statistics
import sys

import torch
from torch.nn.attention.flex_attention import create_block_mask, flex_attention


def causal(start, length):
    return [(start, start + i + 1) for i in range(length)]


def prefix_lm(prefix):
    return lambda start, length: [(start, start + max(prefix(length), i + 1)) for i in range(length)]


def windowed(window):
    return lambda start, length: [(start + max(0, i + 1 - window), start + i + 1) for i in range(length)]


def full(start, length):
    return [(start, start + length)] * length


def with_images(window):
    """Causal (or a window), and 256 image tokens in every 1,024 that see each other both ways."""

    def intervals(start, length):
        rows = windowed(window or length)(start, length)
        for first in range(16, start + length - 255, 1024):
            for row in range(max(first, start), first + 256):
                low, high = rows[row - start]
                rows[row - start] = (min(low, first), max(high, first + 256))
        return rows

    return intervals


def mixed(count, shortest, step):
    return [shortest + step * (i * 7 % count) for i in range(count)]


SIGLIP, PALIGEMMA, GEMMA3, LLAMA = (16, 16, 72), (8, 1, 256), (8, 4, 256), (32, 8, 128)
# name: (lengths, intervals of a sequence, (heads, key heads, head size), soft-cap)
WORKLOADS = {
    "siglip-256": ([256] * 64, full, SIGLIP, 0),
    "siglip-1024": ([1024] * 16, full, SIGLIP, 0),
    "siglip-4096": ([4096] * 4, full, SIGLIP, 0),
    "siglip-base": ([196] * 64, full, (12, 12, 64), 0),
    "prefix-lm-1k": ([1152] * 8, prefix_lm(lambda n: n - 96), PALIGEMMA, 0),
    "prefix-lm-4k": ([4224] * 2, prefix_lm(lambda n: n - 96), PALIGEMMA, 0),
    "prefix-lm-packed": (mixed(32, 288, 14), prefix_lm(lambda n: n - 64), PALIGEMMA, 0),
    "gemma3-local": ([4096] * 2, with_images(1024), GEMMA3, 0),
    "gemma3-global": ([4096] * 2, with_images(0), GEMMA3, 0),
    "gemma2-softcap": ([4096] * 2, causal, GEMMA3, 50.0),
    "causal-2k": ([2048] * 4, causal, LLAMA, 0),
    "causal-8k": ([8192], causal, LLAMA, 0),
    "window-8k": ([8192], windowed(1024), LLAMA, 0),
    "causal-packed": (mixed(48, 96, 10), causal, LLAMA, 0),
}


class Operands:
    """Packed q [1, H, T, D], k and v [1, G, T, D], the gradient of the output, and intervals lo, hi [T]."""

    def __init__(self, lengths, intervals, heads, dtype, device, differentiable):
        query, key, size = heads
        self.lengths, self.tokens, self.differentiable = lengths, sum(lengths), differentiable
        generator = torch.Generator().manual_seed(1)

        def normal(count):
            return torch.randn(1, count, self.tokens, size, generator=generator).to(device, dtype).requires_grad_(differentiable)

        self.q, self.k, self.v, self.grad = normal(query), normal(key), normal(key), normal(query).detach()
        rows, start = [], 0
        for length in lengths:
            rows += intervals(start, length)
            start += length
        self.lo = torch.tensor([low for low, _ in rows], device=device)
        self.hi = torch.tensor([high for _, high in rows], device=device)
        self.flops = 4.0 * query * size * float((self.hi - self.lo).sum())

    def padded(self, x):
        """[1, heads, T, D] -> [sequences, heads, longest, D], zeros behind each sequence."""
        parts = x.detach()[0].split(self.lengths, dim=1)
        out = x.new_zeros(len(parts), x.shape[1], max(self.lengths), x.shape[3])
        for i, part in enumerate(parts):
            out[i, :, : part.shape[1]] = part
        return out.requires_grad_(self.differentiable)


def flex(operands, softcap, compiled):
    lo, hi = operands.lo, operands.hi
    mask = create_block_mask(lambda b, h, row, key: (key >= lo[row]) & (key < hi[row]), None, None, operands.tokens,
                             operands.tokens, device=lo.device)
    cap = (lambda score, b, h, row, key: softcap * torch.tanh(score / softcap)) if softcap else None
    call = torch.compile(flex_attention, dynamic=False) if compiled else flex_attention
    inputs = (operands.q, operands.k, operands.v)
    return inputs, operands.grad, lambda: call(*inputs, score_mod=cap, block_mask=mask, enable_gqa=True)


def dense(operands, softcap):
    """What transformers runs: a padded batch and a mask [sequences, 1, longest, longest]; soft-caps by its eager path."""
    inputs = tuple(operands.padded(x) for x in (operands.q, operands.k, operands.v))
    longest, start, masks = max(operands.lengths), 0, []
    keys = torch.arange(longest, device=operands.lo.device)
    for length in operands.lengths:
        mask = torch.zeros(longest, longest, dtype=torch.bool, device=keys.device)
        rows = slice(start, start + length)
        mask[:length] = (keys >= operands.lo[rows, None] - start) & (keys < operands.hi[rows, None] - start)
        mask[length:, 0] = True  # a padding row sees something, or softmax is NaN
        masks.append(mask)
        start += length
    mask = torch.stack(masks)[:, None]
    q, k, v = inputs
    group = q.shape[1] // k.shape[1]

    def run():
        keys, values = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)  # transformers' repeat_kv
        if not softcap:
            return torch.nn.functional.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
        scores = softcap * torch.tanh(q @ keys.transpose(-1, -2) / math.sqrt(q.shape[-1]) / softcap)
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        return scores.softmax(-1, dtype=torch.float32).to(q.dtype) @ values

    return inputs, operands.padded(operands.grad).detach(), run


def exact(operands, softcap):
    q, k, v = (x.detach().double() for x in (operands.q, operands.k, operands.v))
    group = q.shape[1] // k.shape[1]
    scores = q @ k.repeat_interleave(group, 1).transpose(-1, -2) / math.sqrt(q.shape[-1])
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    keys = torch.arange(operands.tokens, device=q.device)
    hidden = (keys < operands.lo[:, None]) | (keys >= operands.hi[:, None])
    return scores.masked_fill(hidden, -math.inf).softmax(-1) @ v.repeat_interleave(group, 1)


def check(device):
    """Small sizes of every mask; returns the number of wrong ones."""
    wrong = 0
    for name, (lengths, intervals, (heads, key_heads, _), softcap) in WORKLOADS.items():
        few = [1100] if "gemma3" in name else [min(n, 100) - 7 * i for i, n in enumerate(lengths[:3])]
        if "prefix" in name:
            few = [n + 100 for n in few]
        operands = Operands(few, intervals, (heads // key_heads * 2, 2, 16), torch.float32, device, False)
        want = exact(operands, softcap)
        for peer, (_, _, run) in {"flex": flex(operands, softcap, False), "dense": dense(operands, softcap)}.items():
            got = run().detach()
            if peer == "dense":
                got = torch.cat([got[i, :, :n] for i, n in enumerate(few)], 1)[None]
            error = float((got.double() - want).abs().max())
            wrong += error > 1e-4
            print(f"{name:18} {peer:6} max error {error:.1e}{'  WRONG' if error > 1e-4 else ''}")
    return wrong


def timed(call, rounds, flush):
    samples = []
    for i in range(rounds + 3):
        flush.zero_()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        call()
        end.record()
        end.synchronize()
        if i >= 3:
            samples.append(begin.elapsed_time(end) * 1e-3)
    samples.sort()
    return statistics.median(samples), samples[len(samples) // 10], samples[len(samples) * 9 // 10]


def measure(name, peer, build, flops, rounds, flush):
    rows = []
    try:
        inputs, grad, run = build()
        out = run()
        torch.autograd.grad(out, inputs, grad, retain_graph=True)
        calls = {"forward": lambda: run().detach(),
                 "backward": lambda: torch.autograd.grad(out, inputs, grad, retain_graph=True)}
        for which, call in calls.items():
            median, p10, p90 = timed(call, rounds, flush)
            work = flops * (1 if which == "forward" else 2.5)
            rows.append({"workload": name, "pass": which, "peer": peer, "median_s": median, "p10_s": p10, "p90_s": p90,
                         "tflops": work / median / 1e12})
    except Exception as error:  # a peer that cannot do a size is a result, too
        rows.append({"workload": name, "peer": peer, "failure": f"{type(error).__name__}: {str(error)[:200]}"})
    for row in rows:
        print(json.dumps(row), flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", nargs="+", choices=sorted(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--dtype", choices=["bf16", "fp16"], default="bf16")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--out", default="")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        return 1 if check("cuda" if torch.cuda.is_available() else "cpu") else 0
    if not torch.cuda.is_available():
        print("attention_gpu.py: no CUDA device; --check compares the peers with fp64 without one", file=sys.stderr)
        return 4
    dtype = torch.bfloat16 if arguments.dtype == "bf16" else torch.float16
    flush = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    rows = []
    # transformers' path for every size first: compiling FlexAttention takes most of the time, and a run may be cut short.
    for peer in ("transformers", "FlexAttention"):
        for name in arguments.size:
            lengths, intervals, heads, softcap = WORKLOADS[name]
            operands = Operands(lengths, intervals, heads, dtype, "cuda", True)
            build = (lambda: dense(operands, softcap)) if peer == "transformers" else lambda: flex(operands, softcap, True)
            rows += measure(name, peer, build, operands.flops, arguments.rounds, flush)
            torch.cuda.empty_cache()
    if arguments.out:
        with open(arguments.out, "w") as file:
            json.dump({"device": torch.cuda.get_device_name(), "torch": torch.__version__, "dtype": arguments.dtype,
                       "rounds": arguments.rounds, "rows": rows}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
