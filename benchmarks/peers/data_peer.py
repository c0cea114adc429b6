"""The peers of `dermis bench data`: JPEG files decoded and resized to a square, bicubic with antialiasing, one thread.

  torchvision: read_file + decode_jpeg + resize(antialias=True) on uint8 tensors
  pillow:      Image.open + convert("RGB") + resize, as a NumPy array

  python data_peer.py --what torchvision --folder DIR [--size 224] [--most 150] [--repeats N]
  python data_peer.py ... --serve     reads "run PASSES" lines, so that dermis can interleave its own passes with these

Each run prints one JSON line: {"seconds": ..., "images": ...}; the last line holds the summary.
"""

import argparse
import json
import pathlib
import sys
import time


def torchvision_reader(size):
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg, read_file
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2 import functional as transforms

    torch.set_num_threads(1)

    def read(path):
        picture = decode_jpeg(read_file(path), mode=ImageReadMode.RGB)
        return transforms.resize(picture, [size, size], interpolation=InterpolationMode.BICUBIC, antialias=True)

    return read


def pillow_reader(size):
    import numpy
    from PIL import Image

    def read(path):
        return numpy.asarray(Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BICUBIC))

    return read


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--what", choices=["torchvision", "pillow"], required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--most", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--serve", action="store_true")
    arguments = parser.parse_args()
    files = [str(path) for path in sorted(pathlib.Path(arguments.folder).rglob("*.jpg"))][: arguments.most]
    read = {"torchvision": torchvision_reader, "pillow": pillow_reader}[arguments.what](arguments.size)
    for path in files:
        read(path)
    print(json.dumps({"ready": True, "what": arguments.what, "images": len(files)}), flush=True)
    rates = []

    def one(passes):
        start = time.perf_counter()
        for _ in range(passes):
            for path in files:
                read(path)
        seconds = time.perf_counter() - start
        rates.append(passes * len(files) / seconds)
        print(json.dumps({"seconds": seconds, "images": passes * len(files)}), flush=True)

    if arguments.serve:
        for line in sys.stdin:
            words = line.split()
            if not words or words[0] == "quit":
                break
            one(int(words[1]))
    else:
        for _ in range(arguments.repeats):
            one(1)
    middle = sorted(rates)[len(rates) // 2] if rates else float("nan")
    print(json.dumps({"what": arguments.what, "images_per_s": middle}), flush=True)


if __name__ == "__main__":
    main()
