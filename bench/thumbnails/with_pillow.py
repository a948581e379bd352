"""The same thumbnails by Pillow and multiprocessing's Pool.map. usage: with_pillow.py FROM TO SIZE PROCESSES"""
import os
import sys
from multiprocessing import Pool

from PIL import Image

folder, to, size, processes = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def thumbnail(name):
    with Image.open(os.path.join(folder, name)) as image:
        image.draft("RGB", (size * 2, size * 2))  # decodes at a fraction of the size, as libvips does
        image.thumbnail((size, size))
        image.save(os.path.join(to, name))


if __name__ == "__main__":
    os.makedirs(to, exist_ok=True)
    with Pool(processes) as pool:
        pool.map(thumbnail, sorted(os.listdir(folder)))
