"""The peer of `dermis bench train`: the same geometry in transformers' PaliGemmaForConditionalGeneration with PyTorch.

Forward, backward and AdamW on random pictures and tokens, attention by SDPA, the way the transformers
documentation trains it: a right-padded batch, labels of -100 outside the answer, token_type_ids marking the answer.
Weights in fp32; with --precision bf16 under torch.autocast.

  python train_peer.py --geometry '{"image": 64, ...}' --answers 24,24,... [--mode eager|compile] [--repeats N]
  python train_peer.py ... --serve     reads "run STEPS" lines, so that dermis can interleave its own runs with these

Each run prints one JSON line: {"seconds": ..., "samples": ...}; the last line holds the summary with peak_mib
(of the process on a CPU, of what PyTorch allocated on a GPU).
"""

import argparse
import json
import resource
import sys
import time

import torch
import transformers
from transformers import GemmaConfig, PaliGemmaConfig, PaliGemmaForConditionalGeneration, SiglipVisionConfig

IMAGE_TOKEN = 3


def build_model(g):
    vision = SiglipVisionConfig(
        image_size=g["image"], patch_size=g["patch"], hidden_size=g["vision_hidden"],
        intermediate_size=g["vision_mlp"], num_hidden_layers=g["vision_layers"],
        num_attention_heads=g["vision_heads"], vision_use_head=False)
    text = GemmaConfig(
        vocab_size=g["vocabulary"], hidden_size=g["hidden"], intermediate_size=g["mlp"],
        num_hidden_layers=g["layers"], num_attention_heads=g["heads"], num_key_value_heads=g["kv_heads"],
        head_dim=g["head_size"], max_position_embeddings=8192, tie_word_embeddings=True)
    config = PaliGemmaConfig(vision_config=vision, text_config=text, image_token_index=IMAGE_TOKEN,
                             vocab_size=g["vocabulary"], projection_dim=g["hidden"], hidden_size=g["hidden"])
    config._attn_implementation = "sdpa"
    model = PaliGemmaForConditionalGeneration(config)
    model.train()
    return model


def build_batch(g, answers):
    """Every sequence: image tokens, prompt, answer, then padding up to the longest."""
    images = (g["image"] // g["patch"]) ** 2
    length = images + g["prompt"] + max(answers)
    rows = len(answers)
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(8, g["vocabulary"], (rows, length), generator=generator)
    tokens[:, :images] = IMAGE_TOKEN
    labels = tokens.clone()
    labels[:, : images + g["prompt"]] = -100
    mask = torch.ones_like(tokens)
    types = torch.zeros_like(tokens)
    types[:, images + g["prompt"]:] = 1
    for row, answer in enumerate(answers):
        end = images + g["prompt"] + answer
        tokens[row, end:] = 0
        labels[row, end:] = -100
        mask[row, end:] = 0
    pixels = torch.rand(rows, 3, g["image"], g["image"], generator=generator) * 2 - 1
    return {"input_ids": tokens, "pixel_values": pixels, "attention_mask": mask, "token_type_ids": types,
            "labels": labels}


class Trainer:
    def __init__(self, model, batch, optimizer_kind, device, precision):
        self.model = model
        self.batch = {name: tensor.to(device) for name, tensor in batch.items()}
        self.device = torch.device(device)
        self.autocast = torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01,
                                           **{optimizer_kind: True})

    def run(self, steps):
        start = time.perf_counter()
        for _ in range(steps):
            with self.autocast:
                loss = self.model(**self.batch).loss
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        loss.item()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - start


def peak_mib(device):
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def faster_optimizer(model):
    """fused or foreach, whichever steps faster on this model's parameters."""
    best = None
    for kind in ("fused", "foreach"):
        parameters = [torch.nn.Parameter(p.detach().clone()) for p in model.parameters()]
        for p in parameters:
            p.grad = torch.zeros_like(p)
        optimizer = torch.optim.AdamW(parameters, lr=1e-4, **{kind: True})
        optimizer.step()
        start = time.perf_counter()
        for _ in range(3):
            optimizer.step()
        seconds = time.perf_counter() - start
        if best is None or seconds < best[0]:
            best = (seconds, kind)
    return best[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--geometry", required=True, help="JSON object with the numbers of the preset")
    parser.add_argument("--answers", required=True, help="answer lengths of the batch, comma separated")
    parser.add_argument("--mode", choices=["eager", "compile"], default="eager")
    parser.add_argument("--optimizer", choices=["auto", "fused", "foreach"], default="fused")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--steps", type=int, default=1, help="steps a repeat")
    parser.add_argument("--serve", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    geometry = json.loads(arguments.geometry)
    answers = [int(word) for word in arguments.answers.split(",")]
    model = build_model(geometry).to(arguments.device)
    kind = faster_optimizer(model) if arguments.optimizer == "auto" else arguments.optimizer
    trainer = Trainer(model, build_batch(geometry, answers), kind, arguments.device,
                      arguments.precision)
    if arguments.mode == "compile":
        trainer.model = torch.compile(model)
    warm_start = time.perf_counter()
    trainer.run(3)
    print(json.dumps({"ready": True, "mode": arguments.mode, "optimizer": kind, "torch": torch.__version__,
                      "transformers": transformers.__version__,
                      "parameters": sum(p.numel() for p in model.parameters()),
                      "warm_s": time.perf_counter() - warm_start}), flush=True)

    seconds = []

    def one(steps):
        taken = trainer.run(steps)
        seconds.append(taken / steps)
        print(json.dumps({"seconds": taken, "samples": steps * len(answers)}), flush=True)

    if arguments.serve:
        for line in sys.stdin:
            words = line.split()
            if not words or words[0] == "quit":
                break
            one(int(words[1]))
    else:
        for _ in range(arguments.repeats):
            one(arguments.steps)
    middle = sorted(seconds)[len(seconds) // 2] if seconds else float("nan")
    print(json.dumps({"mode": arguments.mode, "optimizer": kind, "samples_per_s": len(answers) / middle,
                      "peak_mib": peak_mib(arguments.device)}), flush=True)


if __name__ == "__main__":
    main()
