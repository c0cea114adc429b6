"""Does transformers compute the same with a folder that dermis saved?

  python hf_roundtrip.py build/release/tests/tests_models

Runs dermis' half (saves every preset with random weights, and what it computes), loads each folder with AutoProcessor
and PaliGemmaForConditionalGeneration and compares token ids (equal), pixels (equal to the Pillow processor; the
torchvision one differs from that by a level or two of 255, which is printed) and logits (<= 1e-4). Also prints the
spread of initial weights beside that of transformers' own initialisation. Exit code 1 when anything differs. Needs
torch, transformers, safetensors, pillow.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoProcessor, PaliGemmaForConditionalGeneration
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

LOGITS_TOLERANCE = 1e-4
TEST = "HfRoundtrip.DISABLED_DumpForTransformers"


def check_folder(folder):
    dump = load_file(folder / "dermis.safetensors")
    samples = json.loads((folder / "samples.json").read_text())
    processor = AutoProcessor.from_pretrained(folder)
    pillow = SiglipImageProcessorPil.from_pretrained(folder)
    model = PaliGemmaForConditionalGeneration.from_pretrained(folder, attn_implementation="eager").eval()
    pictures = [Image.open(sample["picture"]).convert("RGB") for sample in samples]
    facts = {"image_token": processor.tokenizer.image_token_id == model.config.image_token_id}
    exact = pillow(images=pictures, return_tensors="pt")["pixel_values"]
    facts["pixels_pillow"] = float((exact - dump["pixel_values"]).abs().max())
    offsets = dump["offsets"].tolist()
    tokens_equal, logits_gap, fast_gap = True, 0.0, 0.0
    for index, sample in enumerate(samples):
        batch = processor(images=pictures[index], text="<image>" + sample["question"], suffix=sample["answer"],
                          return_tensors="pt")
        fast_gap = max(fast_gap, float((batch["pixel_values"] - dump["pixel_values"][index]).abs().max()))
        rows = slice(offsets[index], offsets[index + 1])
        own = dump["tokens"][rows].tolist()
        tokens_equal &= batch["input_ids"][0].tolist()[: len(own)] == own
        batch["pixel_values"] = dump["pixel_values"][index : index + 1]
        with torch.no_grad():
            logits = model(**batch).logits[0][: len(own)]
        logits_gap = max(logits_gap, float((logits - dump["logits"][rows]).abs().max()))
    facts.update(tokens_equal=tokens_equal, pixels_torchvision_levels=fast_gap * 127.5, logits=logits_gap,
                 largest_logit=float(dump["logits"].abs().max()))
    good = facts["image_token"] and tokens_equal and facts["pixels_pillow"] < 1e-6 and logits_gap <= LOGITS_TOLERANCE
    print(folder.name, "equal" if good else "DIFFERS", json.dumps(facts))
    return good, model


def print_initial_spread(folder, loaded):
    """The saved model's language matrices were multiplied by 4; everything else is as drawn."""
    fresh = PaliGemmaForConditionalGeneration(loaded.config)
    ours = dict(loaded.named_parameters())
    for name, parameter in fresh.named_parameters():
        if "layers.1." in name or "layers." not in name:
            factor = 4.0 if "language_model" in name and parameter.dim() == 2 else 1.0
            theirs, mine = parameter.double().pow(2).mean().sqrt(), ours[name].double().pow(2).mean().sqrt() / factor
            print(f"  {folder.name} {name}: transformers {theirs:.6f} dermis {mine:.6f}")


def main():
    program = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([program, "--gtest_also_run_disabled_tests", f"--gtest_filter={TEST}"], cwd=scratch, check=True)
        results = []
        for folder in sorted(Path(scratch, "hf_roundtrip").iterdir()):
            good, model = check_folder(folder)
            results.append(good)
            if folder.name == "nano":
                print_initial_spread(folder, model)
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
