"""Draws frontiers of `trompe frontier` side by side: success rate and points lost on the images that had no
part in the search, by the points that were allowed.

  python3 tools/frontier_chart.py --output docs/frontiers.svg TITLE=RUN [TITLE=RUN...]
"""

import argparse
import html
import json
import pathlib

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("runs", nargs="+", metavar="TITLE=RUN")
parser.add_argument("--output", type=pathlib.Path, required=True)
options = parser.parse_args()

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 250, 190, 44, 34, 14, 44
panels = []
for place, run in enumerate(options.runs):
    title, folder = run.split("=", 1)
    budget = json.loads((pathlib.Path(folder) / "summary.json").read_text())["budget"]
    # Without a part no state within the drop had any success.
    points = [
        (at["allowed"], 100 * min(at["part"]["fsr"].values()), at["part"]["drop"])
        if at.get("part") else (at["allowed"], 0, 0) for at in budget["atDrops"]]
    inner, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(index):
        return LEFT + inner * (index + 0.5) / len(points)

    def y(percent):
        return TOP + high * (1 - percent / 100)

    parts = [
        f'<g transform="translate({place * WIDTH} 0)">',
        f'<text class="title" x="{LEFT}" y="18">{html.escape(title)}</text>']
    for percent in (0, 50, 100):
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(percent):.1f}" '
            f'y2="{y(percent):.1f}"/>'
            f'<text class="tick" text-anchor="end" x="{LEFT - 6}" y="{y(percent) + 4:.1f}">'
            f"{percent} %</text>")
    line = " ".join(f"{x(i):.1f},{y(p[1]):.1f}" for i, p in enumerate(points))
    parts.append(f'<polyline class="curve" points="{line}"/>')
    for index, (allowed, rate, drop) in enumerate(points):
        below = 16 if rate > 20 else -10
        parts.append(
            f'<circle class="dot" cx="{x(index):.1f}" cy="{y(rate):.1f}" r="3.5"/>'
            f'<text class="value" text-anchor="middle" x="{x(index):.1f}" y="{y(rate) + below:.1f}">'
            f"{drop:.2f}</text>"
            f'<text class="tick" text-anchor="middle" x="{x(index):.1f}" y="{HEIGHT - BOTTOM + 16}">'
            f"{allowed:g}</text>")
    parts.append(
        f'<text class="tick" text-anchor="middle" x="{LEFT + inner / 2:.0f}" y="{HEIGHT - 8}">'
        "points allowed</text></g>")
    panels += parts
width = WIDTH * len(options.runs)
options.output.write_text(
    f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" role="img" \
aria-label="Success rate by points allowed">
<style>
  text {{ font: 11px system-ui, sans-serif; fill: #333; }}
  .title {{ font-weight: 600; }} .tick {{ fill: #666; }} .value {{ font-size: 10px; fill: #1d4f91; }}
  .grid {{ stroke: #ddd; }} .curve {{ fill: none; stroke: #1d4f91; stroke-width: 2; }}
  .dot {{ fill: #1d4f91; }} .back {{ fill: #fff; }}
</style>
<rect class="back" width="{width}" height="{HEIGHT}"/>
""" + "\n".join(panels) + "\n</svg>\n")
