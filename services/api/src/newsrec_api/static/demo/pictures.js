// Placeholder pictures: drawn from the category (colour, kind of drawing) and the article (details).
const SVG = "http://www.w3.org/2000/svg";

export function hash(text) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  return h >>> 0;
}

function random(seed) {
  let s = seed || 1;
  return () => {
    s = Math.imul(s ^ (s >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    const t = Math.imul(s ^ (s >>> 13), 0x297a2d39);
    return ((t ^ (t >>> 16)) >>> 0) / 4294967296;
  };
}

function shape(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

const drawings = [
  function hills(svg, r, ink) {
    for (let layer = 0; layer < 4; layer += 1) {
      const base = 70 + layer * 26;
      let d = `M0 180 L0 ${base}`;
      for (let x = 0; x <= 320; x += 80) {
        d += ` Q${x + 40} ${base - 55 + r() * 70} ${x + 80} ${base + r() * 16}`;
      }
      shape(svg, "path", { d: `${d} L400 180 Z`, fill: ink(30 + layer * 9, .75) });
    }
    shape(svg, "circle", { cx: 60 + r() * 200, cy: 34 + r() * 20, r: 17, fill: ink(90, .9) });
  },
  function circles(svg, r, ink) {
    for (let n = 0; n < 7; n += 1) {
      shape(svg, "circle", {
        cx: r() * 320, cy: r() * 180, r: 18 + r() * 62, fill: ink(30 + r() * 45, .45),
      });
    }
  },
  function bars(svg, r, ink) {
    for (let x = 14; x < 310; x += 27) {
      const h = 25 + r() * 125;
      shape(svg, "rect", { x, y: 180 - h, width: 17, height: h, rx: 3, fill: ink(35 + r() * 40, .8) });
    }
  },
  function tiles(svg, r, ink) {
    for (let x = 0; x < 320; x += 40) {
      for (let y = 0; y < 180; y += 40) {
        if (r() < .62) {
          const q = r() < .5;
          shape(svg, "path", {
            d: q ? `M${x} ${y} h40 a40 40 0 0 1 -40 40 z` : `M${x + 40} ${y + 40} h-40 a40 40 0 0 1 40 -40 z`,
            fill: ink(32 + r() * 45, .7),
          });
        }
      }
    }
  },
  function rings(svg, r, ink) {
    const cx = 70 + r() * 180;
    const cy = 40 + r() * 100;
    for (let n = 9; n > 0; n -= 1) {
      shape(svg, "circle", { cx, cy, r: n * 24 - 8, fill: "none", stroke: ink(38 + n * 5, .75), "stroke-width": 3 + r() * 9 });
    }
  },
  function waves(svg, r, ink) {
    for (let y = 20; y < 200; y += 22) {
      const a = 6 + r() * 18;
      shape(svg, "path", {
        d: `M-20 ${y} q45 ${-a} 90 0 t90 0 t90 0 t90 0`, fill: "none",
        stroke: ink(40 + r() * 42, .8), "stroke-width": 4 + r() * 8, "stroke-linecap": "round",
      });
    }
  },
];

// Categories that are known together get colours far apart, and take turns with the drawings.
const order = new Map();

export function learn(categories) {
  categories.forEach((name, n) => order.set(name, n));
}

const place = (category) => order.get(category) ?? hash(category) % 97;

export const hue = (category) => Math.round(place(category) * 137.508 + 160) % 360;

export function picture(article) {
  const r = random(hash(article.article_id));
  const h = hue(article.category);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 320 180");
  svg.setAttribute("preserveAspectRatio", "xMidYMid slice");
  svg.setAttribute("class", "picture");
  svg.setAttribute("aria-hidden", "true");
  shape(svg, "rect", { width: 320, height: 180, fill: `hsl(${h} 38% ${22 + r() * 8}%)` });
  const ink = (light, alpha) => `hsl(${h + (r() - .5) * 34} 46% ${light}% / ${alpha})`;
  drawings[place(article.category) % drawings.length](svg, r, ink);
  return svg;
}
