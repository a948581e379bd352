"""Photos for the benchmark, cut from the wallpapers of Debian's packages. usage: make_photos.py DIRECTORY NUMBER"""
import glob
import os
import random
import sys

from PIL import Image

directory, number = sys.argv[1], int(sys.argv[2])
os.makedirs(directory, exist_ok=True)
found = [path for folder in ("/usr/share/wallpapers", "/usr/share/backgrounds")
         for ending in ("jpg", "png") for path in glob.glob(f"{folder}/**/*.{ending}", recursive=True)]
large = [path for path in sorted(found) if min(Image.open(path).size) >= 1200]
if not large:
    sys.exit("there are no wallpapers: install plasma-workspace-wallpapers, gnome-backgrounds or mate-backgrounds")
random.seed(1)
for i in range(number):
    if i % (number // min(len(large), number)) == 0:
        image = Image.open(large[i * len(large) // number]).convert("RGB")
    left, top = random.randrange(image.width - 1024), random.randrange(image.height - 768)
    image.crop((left, top, left + 1024, top + 768)).save(f"{directory}/{i:05}.jpg", quality=88)
