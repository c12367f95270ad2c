// The playground: three games of points that train in the page, without a kernel and without a library. First networks
// and training steps, the same as in losses.py and torch; then what one sees. Words and presets: playground.json.

// ---- a network: LeakyReLU(0.2) between linear layers; its parameters in one array, in the order of PyTorch
export function network(sizes, random) {
  let at = 0; // of a layer: the weights, (outs, ins), and then the biases
  const layers = sizes.slice(1).map((outs, i) => ({ ins: sizes[i], outs, w: at, b: (at += sizes[i] * outs), end: (at += outs) }));
  const [p, g, m, v] = [0, 0, 0, 0].map(() => new Float64Array(at)), net = { layers, p, g, m, v, t: 0 };
  for (const { ins, w, end } of layers) for (let i = w; i < end; i++) p[i] = (2 * random() - 1) / Math.sqrt(ins);
  return net;
}

export function forward({ layers, p }, x, n) { // -> the values of all layers: x, (n, 32), ..., (n, outs)
  const values = [x];
  layers.forEach(({ ins, outs, w, b }, l) => {
    const from = values[l], to = new Float64Array(n * outs), leak = l === layers.length - 1 ? 1 : 0.2;
    for (let k = 0; k < n; k += 4) for (let o = 0; o < outs; o++) { // four rows at once: half the time
      const row = w + o * ins, c = k * ins, e = k * outs + o, bias = p[b + o];
      let [s, t, u, v] = [bias, bias, bias, bias];
      for (let i = 0; i < ins; i++) {
        const weight = p[row + i];
        s += weight * from[c + i];
        t += weight * from[c + ins + i];
        u += weight * from[c + 2 * ins + i];
        v += weight * from[c + 3 * ins + i];
      }
      to[e] = s > 0 ? s : leak * s;
      to[e + outs] = t > 0 ? t : leak * t; // beyond the last row nothing is written
      to[e + 2 * outs] = u > 0 ? u : leak * u;
      to[e + 3 * outs] = v > 0 ? v : leak * v;
    }
    values.push(to);
  });
  return values;
}

export function backward({ layers, p, g }, values, slope, n, learns = true) { // adds to g; -> the slope at x; 4 divides n
  for (let l = layers.length - 1; l >= 0; l--) {
    const { ins, outs, w, b } = layers[l], from = values[l], to = new Float64Array(n * ins);
    for (let k = 0; k < n; k += 4) for (let o = 0; o < outs; o++) {
      const row = w + o * ins, e = k * outs + o, s = slope[e], t = slope[e + outs], u = slope[e + 2 * outs], v = slope[e + 3 * outs];
      for (let i = 0, c = k * ins; i < ins; i++, c++) {
        const weight = p[row + i];
        to[c] += s * weight;
        to[c + ins] += t * weight;
        to[c + 2 * ins] += u * weight;
        to[c + 3 * ins] += v * weight;
        if (learns) g[row + i] += s * from[c] + t * from[c + ins] + u * from[c + 2 * ins] + v * from[c + 3 * ins];
      }
      if (learns) g[b + o] += s + t + u + v;
    }
    if (l > 0) for (let i = 0; i < to.length; i++) if (from[i] < 0) to[i] *= 0.2; // LeakyReLU keeps the sign
    slope = to;
  }
  return slope;
}

export function adam(net, lr, betas) { // one step, and the gradient is forgotten
  const { p, g, m, v } = net, [a, b] = betas, t = ++net.t, s = Math.sqrt(1 - b ** t), pace = lr / (1 - a ** t);
  for (let i = 0; i < p.length; i++) {
    m[i] = a * m[i] + (1 - a) * g[i];
    v[i] = b * v[i] + (1 - b) * g[i] * g[i];
    p[i] -= (pace * m[i]) / (Math.sqrt(v[i]) / s + 1e-8);
    g[i] = 0;
  }
}

// ---- the losses: of one logit, the loss and its slope, for D at real and at fake points, and for G
const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))), sigmoid = (a) => 1 / (1 + Math.exp(-a));
const log = { half: 0, says: sigmoid, real: (a) => [softplus(-a), sigmoid(a) - 1], fake: (a) => [softplus(a), sigmoid(a)] };
const unit = (a) => Math.min(1, Math.max(0, a)), square = (to) => (a) => [(a - to) ** 2, 2 * (a - to)];
export const LOSSES = {
  "non-saturating": { ...log, G: log.real },
  "log (saturating)": { ...log, G: (a) => [-softplus(a), -sigmoid(a)] },
  "least squares": { half: 0.5, says: unit, real: square(1), fake: square(0), G: square(1) },
  hinge: { half: 0, says: (a) => unit((a + 1) / 2), real: (a) => [Math.max(0, 1 - a), -(a < 1)], fake: (a) => [Math.max(0, 1 + a), +(a > -1)], G: (a) => [-a, -1] },
};

function mean(loss, values) { // of the last layer -> the mean loss, and its slope at each value
  const out = values.at(-1), pairs = Array.from(out, loss);
  return [pairs.reduce((sum, [value]) => sum + value, 0) / out.length, out.map((_, i) => pairs[i][1] / out.length)];
}

function l1(a, b, weight) { // the mean absolute difference, and weight times its slope at a
  const off = a.map((_, i) => a[i] - b[i]), n = a.length;
  return [off.reduce((sum, d) => sum + Math.abs(d), 0) / n, off.map((d) => (weight * Math.sign(d)) / n)];
}

function judge(D, loss, real, fake, n, lr, betas) { // one update of D -> its loss
  const total = [["real", real], ["fake", fake]].reduce((sum, [kind, at]) => {
    const values = forward(D, at, n), [value, slope] = mean(loss[kind], values);
    backward(D, values, slope, n);
    return sum + value;
  }, 0);
  adam(D, lr, betas);
  return total;
}

function fool(D, loss, at, n) { // -> what G minimises, and its slope at the points; D stands still
  const values = forward(D, at, n), [value, slope] = mean(loss.G, values);
  return [value, backward(D, values, slope, n, false)];
}

// ---- the three training steps, of points in typed arrays with n rows
const add = (a, b) => a.map((value, i) => value + b[i]);
const column = (values, n, i) => new Float64Array(n).map((_, k) => values[(k * values.length) / n + i]);
const beside = (n, a, b) => new Float64Array(2 * n).map((_, i) => (i % 2 ? b : a)[i >> 1]); // two columns

export function pointsStep({ G, D }, o, batches) { // {real, z, n} for each update of D, and a last {z, n} for G
  const loss = LOSSES[o.loss], out = {}, { z, n } = batches.at(-1);
  for (const { real, z, n } of batches.slice(0, -1)) out.D = judge(D, loss, real, forward(G, z, n).at(-1), n, o.lrD, o.betas);
  const values = forward(G, z, n), [value, slope] = fool(D, loss, values.at(-1), n);
  backward(G, values, slope, n);
  adam(G, o.lrG, o.betas);
  return { ...out, G: value };
}

export function cycleStep({ Gxy, Gyx, Dx, Dy }, o, { x, y, n }) { // both generators, then both discriminators
  const loss = LOSSES["least squares"], out = { gan: 0, identity: 0 };
  const ways = [[Gxy, Gyx, Dy, x, y, "forward"], [Gyx, Gxy, Dx, y, x, "backward"]];
  const fakes = ways.map(([G, back, D, from, target, way]) => {
    const there = forward(G, from, n), fake = there.at(-1), home = forward(back, fake, n), same = forward(G, target, n);
    const [gan, push] = fool(D, loss, fake, n), [cycle, pull] = l1(home.at(-1), from, o[way]);
    const [identity, hold] = l1(same.at(-1), target, o.identity);
    backward(G, there, add(push, backward(back, home, pull, n)), n);
    backward(G, same, hold, n);
    Object.assign(out, { [way]: cycle, gan: out.gan + gan, identity: out.identity + identity });
    return fake;
  });
  for (const G of [Gxy, Gyx]) adam(G, o.lr, o.betas);
  return { ...out, D: judge(Dy, loss, y, fakes[0], n, o.lr, o.betas) + judge(Dx, loss, x, fakes[1], n, o.lr, o.betas) };
}

export function codeStep({ G, E, D1, D2 }, o, { x, y, z, noise, n }) { // noise: of the reparameterisation
  const loss = LOSSES["least squares"], out = {}, fakes = [];
  if (o.first) { // y -> code -> y: GAN and L1 teach G and E, KL teaches E
    const read = forward(E, y, n), mu = column(read.at(-1), n, 0), logvar = column(read.at(-1), n, 1);
    const code = mu.map((m, i) => m + Math.exp(logvar[i] / 2) * noise[i]);
    const made = forward(G, beside(n, x, code), n), fake = made.at(-1), [gan, push] = fool(D1, loss, beside(n, x, fake), n);
    const [distance, pull] = l1(fake, y, o.l1), felt = column(backward(G, made, add(column(push, n, 1), pull), n), n, 1);
    const ofMu = felt.map((d, i) => d + (o.kl * mu[i]) / n);
    const ofLogvar = felt.map((d, i) => (d * (code[i] - mu[i]) + (o.kl * (Math.exp(logvar[i]) - 1)) / n) / 2);
    backward(E, read, beside(n, ofMu, ofLogvar), n);
    out.KL = mu.reduce((sum, m, i) => sum + (m * m + Math.exp(logvar[i]) - 1 - logvar[i]) / (2 * n), 0);
    Object.assign(out, { GAN: gan, L1: distance });
    fakes.push([D1, fake]);
  }
  if (o.second || !o.first) { // a random code; without any cycle this is pix2pix+noise: GAN and L1
    const made = forward(G, beside(n, x, z), n), fake = made.at(-1), [gan, push] = fool(D2, loss, beside(n, x, fake), n);
    const read = forward(E, fake, n);
    const [distance, pull] = o.second ? l1(column(read.at(-1), n, 0), z, o.latent) : l1(fake, y, o.l1);
    // code -> y -> code: beside the first cycle, E reads and only G learns
    const more = o.second ? backward(E, read, beside(n, pull, new Float64Array(n)), n, !o.first) : pull;
    backward(G, made, add(column(push, n, 1), more), n);
    Object.assign(out, { "GAN, random": gan, [o.second ? "latent" : "L1"]: distance });
    fakes.push([D2, fake]);
  }
  adam(G, o.lr, o.betas);
  adam(E, o.lr, o.betas);
  const D = fakes.reduce((sum, [D, fake]) => sum + judge(D, loss, beside(n, x, y), beside(n, x, fake), n, o.lr, o.betas), 0);
  return { ...out, D };
}

function numbers(seed) { // at random, and the same for one seed: mulberry32
  const random = () => {
    let t = (seed = (seed + 0x6d2b79f5) | 0);
    t = Math.imul(t ^ (t >>> 15), 1 | t);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return { random, normal, normals: (n) => Float64Array.from({ length: n }, normal), mlp: (i, o) => network([i, 24, 24, o], random) };
}

// ---- what the games draw: the plane from -2 to 2, SIDE pixels wide
const SIDE = 800, BETAS = [0.5, 0.9], N = 64, SHOWN = 200, GRID = 32, ASKED = 0.3;
const BLUE = "#0072b2", ORANGE = "#d55e00", BROWN = "#8a2d00", INK = "#111", px = (x) => ((x + 2) * SIDE) / 4, py = (y) => ((2 - y) * SIDE) / 4;

function dots(c, places, r, fill, square = false) { // in one go: a call for each would cost milliseconds
  c.beginPath();
  for (const [x, y] of places) square ? c.rect(px(x) - r, py(y) - r, 2 * r, 2 * r) : (c.moveTo(px(x) + r, py(y)), c.arc(px(x), py(y), r, 0, 7));
  Object.assign(c, { fillStyle: fill }).fill();
}

function lines(c, paths, strokeStyle, lineWidth, dash = []) {
  c.beginPath();
  for (const path of paths) path.forEach(([x, y], i) => c[i ? "lineTo" : "moveTo"](px(x), py(y)));
  c.setLineDash(dash);
  Object.assign(c, { strokeStyle, lineWidth, lineCap: "round", lineJoin: "round" }).stroke();
}

const rows = (values) => Array.from({ length: values.length / 2 }, (_, k) => [values[2 * k], values[2 * k + 1]]);
const tip = ([x, y], [u, v], head) => { // of an arrow
  const side = (k) => [u + head * (x - u) - k * (v - y), v + head * (y - v) + k * (u - x)];
  return [side(0.7 * head), [u, v], side(-0.7 * head)];
};

const cloud = ({ normal }, n, ...places) => Array.from({ length: n }, (_, i) => places[i % places.length].map((v) => v + 0.08 * normal()));
const SHAPES = {
  two: (s) => cloud(s, 240, [-1.2, 1], [-1.2, -1]),
  ring: (s) => cloud(s, 480, ...[...Array(8).keys()].map((k) => [1.45 * Math.cos((k * Math.PI) / 4), 1.45 * Math.sin((k * Math.PI) / 4)])),
  moon: ({ random }) => Array.from({ length: 480 }, function inside() {
    const [x, y] = [2 * random() - 1, 2 * random() - 1];
    return x * x + y * y < 1 && (x - 0.45) ** 2 + (y - 0.2) ** 2 > 0.72 ? [1.6 * x + 0.2, 1.6 * y] : inside();
  }),
  initials({ o, random }) {
    const c = Object.assign(document.createElement("canvas"), { width: 80, height: 80 }).getContext("2d"), ink = [];
    Object.assign(c, { font: "bold 52px sans-serif", textAlign: "center", textBaseline: "middle" }).fillText(o.letters, 40, 43, 76);
    c.getImageData(0, 0, 80, 80).data.forEach((v, i) => i % 4 === 3 && v > 128 && ink.push([(i >> 2) % 80, Math.floor(i / 320)]));
    return Array.from({ length: ink.length && 600 }, () => ink[Math.floor(random() * ink.length)]).map(([x, y]) => [(x + random() - 40) / 21, (40 - y - random()) / 21]);
  },
};

const points = {
  start(s, o = s.o) {
    s.shape = o.keeps ?? SHAPES[o.shape](s);
    s.nets = { G: s.mlp(o.noise, 2), D: s.mlp(2, 1) };
    if (o.away) s.nets.G.p.fill(1.5, s.nets.G.layers.at(-1).b); // far from the moon
    for (let i = 0; i < o.ahead; i++) judge(s.nets.D, LOSSES[o.loss], this.real(s), forward(s.nets.G, s.normals(N * o.noise), N).at(-1), N, o.lrD, BETAS);
    s.z = s.normals(SHOWN * o.noise);
  },
  real: ({ shape, random }) => Float64Array.from(Array.from({ length: N }, () => shape[Math.floor(random() * shape.length)]).flat()),
  update(s) {
    const batches = Array.from({ length: s.o.steps + 1 }, (_, i) => ({ real: i && this.real(s), z: s.normals(N * s.o.noise), n: N }));
    s.losses = pointsStep(s.nets, { ...s.o, betas: BETAS }, batches.reverse());
  },
  draw(s, c, part) { // the landscape in four parts, one a frame; all of it if nothing plays
    const { G, D } = s.nets, loss = LOSSES[s.o.loss], image = (s.image ??= new ImageData(GRID, GRID));
    const cells = Array.from({ length: GRID * (part < 0 ? GRID : GRID / 4) }, (_, i) => (part < 0 ? i : i + GRID * (3 * Math.floor(i / GRID) + part)));
    const places = cells.flatMap((k) => [(k % GRID) + 0.5, GRID - 0.5 - Math.floor(k / GRID)]);
    forward(D, Float64Array.from(places, (v) => (4 * v) / GRID - 2), cells.length).at(-1).forEach((a, i) => {
      const sure = 2 * loss.says(a) - 1;
      [...(sure > 0 ? [0, 114, 178] : [213, 94, 0]), 255].forEach((v, j) => (image.data[4 * cells[i] + j] = 255 + 0.55 * Math.abs(sure) * (v - 255)));
    });
    s.small ??= Object.assign(document.createElement("canvas"), { width: GRID, height: GRID }).getContext("2d");
    s.small.putImageData(image, 0, 0);
    c.drawImage(s.small.canvas, 0, 0, SIDE, SIDE);
    const fake = forward(G, s.z, SHOWN).at(-1), values = forward(D, fake, SHOWN), slope = values.at(-1).map((a) => -loss.G(a)[1]);
    const push = rows(backward(D, values, slope, SHOWN, false)), size = ([x, y]) => Math.sqrt(x * x + y * y);
    [s.fake, s.logits, s.push] = [rows(fake), values.at(-1), push.reduce((sum, p) => sum + size(p), 0) / SHOWN];
    dots(c, s.shape, 4, "#0b3c5d99", true);
    for (const [r, fill] of [[6.5, "#fff"], [5, BROWN]]) dots(c, s.fake, r, fill);
    const all = s.fake.map((at, i) => [at, at.map((v, j) => v + (0.4 * push[i][j]) / (0.6 + size(push[i])))]).filter((_, i) => size(push[i]) > 0.02); // at most 0.4 long
    const some = all.filter(([[x, y]], i) => all.findIndex(([[u, v]]) => (u - x) ** 2 + (v - y) ** 2 < 0.04) === i); // of a crowd, one
    const felt = some.flatMap(([at, to]) => [[at, to], tip(at, to, 0.3)]);
    for (const [ink, width] of [["#fff", 7], [INK, 3.5]]) lines(c, felt, ink, width);
    if (s.asks) lines(c, [[...Array(41).keys()].map((k) => s.place.map((v, j) => v + ASKED * Math.cos(((k - 10 * j) * Math.PI) / 20)))], INK, 3); // a circle
  },
  near: (s, [x, y], r) => s.fake.filter(([u, v]) => (u - x) ** 2 + (v - y) ** 2 < r * r).length,
  ask(s) {
    if (!s.shape.length || !s.asks) return s.shape.length ? "Point at a place to ask D." : "Draw a shape first.";
    const says = LOSSES[s.o.loss].says(forward(s.nets.D, Float64Array.from(s.place), 1).at(-1)[0]), felt = this.near(s, s.place, ASKED);
    return `Here D says ${percent(says)} real. ${felt || "None"} of G's ${SHOWN} points ${felt > 1 ? "are" : "is"} in the circle${felt ? "" : ", so none feels D's slope here"}.`;
  },
  bars(s) {
    const { half } = LOSSES[s.o.loss], some = s.shape.filter((_, i) => i % 5 === 0), n = some.length || 1;
    const real = forward(s.nets.D, Float64Array.from(some.flat()), some.length).at(-1);
    const right = s.logits.filter((a) => a < half).length / SHOWN + real.filter((a) => a > half).length / n;
    return [["D is right", right / 2], ["push on G's points", s.push / (0.6 + s.push), s.push.toFixed(3)],
      ["shape covered", some.filter((at) => this.near(s, at, 0.2)).length / n]];
  },
};

const clusters = ({ normal }, n, x) => // (n, 2): by turns up and down
  Float64Array.from({ length: 2 * n }, (_, i) => (i % 2 ? 1 - 2 * ((i >> 1) % 2) : x) + 0.16 * normal());

const cycles = {
  start(s) {
    s.nets = { Gxy: s.mlp(2, 2), Gyx: s.mlp(2, 2), Dx: s.mlp(2, 1), Dy: s.mlp(2, 1) };
    const side = { straight: 1, swapped: -1 }[s.o.start] ?? 0; // a hint, learned from pairs before the game
    for (let i = 0; i < 60 * Math.abs(side); i++) for (const [G, x] of [[s.nets.Gxy, -1], [s.nets.Gyx, 1]]) {
      const from = clusters(s, N, x), values = forward(G, from, N);
      backward(G, values, l1(values.at(-1), from.map((v, k) => (k % 2 ? side * v : v - 2 * x)), 1)[1], N);
      adam(G, 1e-2, BETAS);
    }
    for (const G of [s.nets.Gxy, s.nets.Gyx]) [G.t] = [0, G.m.fill(0), G.v.fill(0)];
    [s.x, s.y] = [-1, 1].map((x) => clusters(s, 40, x));
  },
  update: (s) => void (s.losses = cycleStep(s.nets, { ...s.o, lr: 3e-3, betas: BETAS }, { x: clusters(s, 32, -1), y: clusters(s, 32, 1), n: 32 })),
  draw(s, c) {
    const { Gxy, Gyx } = s.nets, to = (G, points) => forward(G, points, 40).at(-1);
    s.points = [[s.x, Gxy, Gyx], [s.y, Gyx, Gxy]].flatMap(([from, G, back], way) => {
      const there = to(G, from), [b, end] = [there, to(back, there)].map(rows);
      return rows(from).map((at, k) => ({ way, up: k % 2 === 0, at, there: b[k], home: end[k] }));
    });
    for (const [y, fill] of [[1, "#0072b218"], [-1, "#d55e0018"]]) dots(c, [[-1, y], [1, y]], 100, fill); // radius 0.5
    for (const way of [0, 1]) for (const [up, colour] of [[true, BLUE], [false, ORANGE]]) {
      const all = s.points.filter((p) => p.way === way && p.up === up), some = all.slice(0, 2);
      dots(c, all.map((p) => p.at), 6, colour, !up);
      lines(c, some.map((p) => [p.at, p.there]), colour, 3, way ? [20, 12] : []);
      lines(c, some.map((p) => tip(p.at, p.there, 0.06)), colour, 3);
      lines(c, some.map((p) => [p.there, p.home]), INK, 4.5, [0, 13]); // round dots
      dots(c, some.map((p) => p.home), 6, INK);
    }
    for (const x of "xy") Object.assign(c, { font: "28px sans-serif", fillStyle: "#333", textAlign: "center" }).fillText(`domain ${x}`, px(x === "x" ? -1 : 1), 46);
  },
  bars({ points: all }) { // D is content with both clusters equally often
    const share = (of) => all.filter(of).length / all.length, far = ([x, y], [u, v]) => Math.hypot(x - u, y - v);
    const met = (way, y) => share((p) => p.way === way && far(p.there, [1 - 2 * way, y]) < 0.5);
    return [["D is content", 2 * [0, 1].reduce((sum, way) => sum + Math.min(met(way, 1), met(way, -1)), 0)],
      ["the right partner", share(({ there, up }) => there[1] > 0 === up)], ["points come back", share(({ at, home }) => far(home, at) < 0.5)]];
  },
};

const CODES = [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2], ACROSS = Float64Array.from({ length: 40 }, (_, k) => (3.4 * k) / 39 - 1.7);
const answerTo = (x, up) => 0.3 * Math.sin(2 * x) + (up ? 1 : -1);

const codes = {
  start: (s) => void ([s.nets, s.seen] = [{ G: s.mlp(2, 1), E: s.mlp(1, 2), D1: s.mlp(2, 1), D2: s.mlp(2, 1) }, codes.pairs(s, 160)]),
  pairs({ random, normal }, n) { // two of three answers lie above
    const x = Float64Array.from({ length: n }, () => 3.4 * random() - 1.7);
    return { x, y: x.map((v) => answerTo(v, random() < 2 / 3) + 0.05 * normal()), n };
  },
  update(s) {
    const { first, second, kl } = s.o, o = { first: first === "on", second: second === "on", kl, l1: 5, latent: 0.5, lr: 2e-3, betas: BETAS };
    s.losses = codeStep(s.nets, o, { ...codes.pairs(s, N), z: s.normals(N), noise: s.normals(N) });
  },
  draw(s, c) {
    s.lines = CODES.map((z) => Array.from(forward(s.nets.G, beside(40, ACROSS, ACROSS.map(() => z)), 40).at(-1), (y, k) => [ACROSS[k], y]));
    dots(c, Array.from(s.seen.x, (x, k) => [x, s.seen.y[k]]), 5, "#0b3c5d77", true);
    for (const [from, to, ink, dash] of [[0, 4, BLUE, [16, 12]], [4, 5, INK, [0, 12]], [5, 9, ORANGE]]) lines(c, s.lines.slice(from, to), ink, 6, dash);
  },
  bars({ lines }) {
    const near = (up) => ([x, y]) => Math.abs(y - answerTo(x, up)) < 0.25, [above, below] = [near(true), near(false)], all = lines.flat();
    const both = ACROSS.filter((_, k) => [above, below].every((one) => lines.some((line) => one(line[k]))));
    const apart = lines[0].reduce((sum, [, y], k) => sum + Math.abs(y - lines.at(-1)[k][1]) / 80, 0); // two true answers: 1
    return [["the code is used", Math.min(1, apart)], ["near a true answer", all.filter((at) => above(at) || below(at)).length / all.length], ["both answers given", both.length / ACROSS.length]];
  },
};

// ---- the page around a game; told is its part of playground.json
const percent = (share) => `${Math.round(100 * share)} %`;

export function mount(el, name, told) {
  const make = (tag, parent, properties = {}) => parent.appendChild(Object.assign(document.createElement(tag), properties));
  const button = (parent, textContent, onclick) => make("button", parent, { type: "button", textContent, onclick });
  const game = { points, cycles, codes }[name], root = make("div", el, { className: "course-play" });
  const tries = make("div", root, { className: "tools", role: "group", ariaLabel: "what to try" }), said = make("p", root, { className: "said" });
  const stage = make("div", root, { className: "stage" }), left = make("div", stage), right = make("div", stage);
  const tools = make("div", left, { className: "tools" }), canvas = make("canvas", left, { width: SIDE, height: SIDE, tabIndex: 0, role: "img" });
  const answer = make("p", left, { className: "answer", role: "status", hidden: !game.ask }), legend = make("p", left, { className: "legend" });
  const words = make("details", root), meanings = make("summary", words, { textContent: "What the words mean" }) && make("dl", words);
  for (const part of Object.entries(told.words)) part.forEach((textContent, i) => make(i ? "dd" : "dt", meanings, { textContent }));
  const bars = make("div", right), count = make("p", right, { className: "count" }), c = canvas.getContext("2d");
  for (const [kind, colour, word] of told.legend) make("i", make("span", legend, { textContent: word }), { className: kind }).style.color = colour;
  const presets = told.presets.map((one) => button(tries, one.name, () => choose(one)));
  const play = Object.assign(button(tools, "", () => go(!timer)), { className: "go" });
  button(tools, "One update", () => (go(false), run(1)));
  button(tools, "Start again", () => (seed++, restart()));
  let s = { o: {} }, preset, timer = false, frames = 0, seed = 1;
  const shapes = make("div", right, { className: "tools", hidden: !told.shapes }), pen = button(shapes, "Draw", () => hold(pen.ariaPressed !== "true"));
  const hold = (on) => ([pen.ariaPressed, canvas.style.touchAction] = on ? ["true", "none"] : ["false", "pan-y"]);
  function reshape(key) {
    Object.assign(s.o, { shape: key, keeps: key === "nothing" ? [] : undefined, letters: letters.value });
    s.shape = s.o.keeps ?? SHAPES[key](s);
    if (key === "nothing") hold(true);
    change();
    show();
  }
  for (const [key, label] of Object.entries(told.shapes ?? {})) button(shapes, label, () => reshape(key));
  const letters = make("input", shapes, { value: "GD", maxLength: 3, ariaLabel: "initials", oninput: () => reshape("initials") });
  const inputs = told.controls.map(({ key, label, values, restarts }) => {
    const row = make("label", right, { className: "control", textContent: label }), words = typeof values[0] === "string";
    const input = make(words ? "select" : "input", row), value = make("output", row), chosen = words ? "selectedIndex" : "value";
    if (words) values.forEach((textContent) => make("option", input, { textContent }));
    else Object.assign(input, { type: "range", min: 0, max: values.length - 1 });
    input.oninput = () => (change(), (s.o[key] = values[+input[chosen]]), restarts ? restart() : (inputs.forEach((set) => set()), show()));
    return () => {
      input[chosen] = values.indexOf(s.o[key]);
      input.setAttribute("aria-valuetext", (value.textContent = words ? "" : s.o[key]));
    };
  });

  function choose(one) {
    [preset, seed, s] = [one, one.seed ?? 1, { o: { ...told.set, ...one.set } }];
    presets.forEach((b, i) => (b.ariaPressed = told.presets[i] === one));
    said.textContent = one.say;
    hold(false);
    restart();
  }
  const change = () => (said.textContent = `${preset.name}, before you changed it: ${preset.say}`);

  function restart() { // with what the preset changes later as it was; a drawn shape stays
    for (const set of Object.values(preset.later ?? {})) for (const key in set) s.o[key] = { ...told.set, ...preset.set }[key];
    s = { o: s.o, step: 0, place: [0, 0], ...numbers(seed) };
    game.start(s);
    inputs.forEach((set) => set());
    go(false);
  }

  function update() {
    if (s.shape?.length === 0) return;
    game.update(s);
    const { [++s.step]: set } = preset.later ?? {};
    if (set) Object.assign(s.o, set);
    if (set?.third) s.shape.push(...cloud(s, 120, [1.5, 0]));
    if (set) inputs.forEach((set) => set());
  }

  const run = (root.run = (updates) => (Array.from({ length: updates }, update), show()));

  function show(part = -1) {
    Object.assign(c, { fillStyle: "#fff" }).fillRect(0, 0, SIDE, SIDE);
    game.draw(s, c, part);
    if (part > 0) return; // words change every fourth frame
    answer.textContent = game.ask?.(s) ?? "";
    const losses = Object.entries(s.losses ?? {}).filter(([of]) => s.o[of] !== 0).map(([of, value]) => `${of} ${value.toFixed(2)}`).join(" · ");
    count.textContent = `update ${s.step.toLocaleString("en")}${losses && `; losses: ${losses}`}`;
    game.bars(s).forEach(([label, share, text = percent(share)], i) => {
      const row = bars.children[i] ?? make("div", bars, { className: "bar", title: told.words[label], innerHTML: "<span></span><b><i></i></b><output></output>" });
      [row.firstChild.textContent, row.lastChild.textContent] = [label, text];
      row.children[1].firstChild.style.width = `${100 * Math.min(1, share)}%`;
    });
    if (!timer) canvas.setAttribute("aria-label", `${told.about}. ${bars.innerText}. ${count.textContent}`);
  }

  function frame() {
    const start = performance.now(), still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let k = 0; !k || (k < 3 && performance.now() - start < 0.8); k++) update();
    if (++frames % 40 === 0 || !still) show(still ? -1 : frames % 4); // still: one picture after the other, no film
    timer = root.isConnected && timer && requestAnimationFrame(frame);
  }

  function go(on) {
    cancelAnimationFrame(timer);
    timer = on && requestAnimationFrame(frame);
    [play.textContent, answer.ariaLive] = on ? ["Pause", "off"] : ["Play", "polite"];
    if (!on) show();
  }

  // ---- a hand on the canvas: it draws, or asks D
  function touch(x, y, draws) {
    Object.assign(s, { place: [x, y], asks: !draws });
    if (draws) change((s.o.keeps = s.shape).push(...cloud(s, 10, s.place)));
    if (!timer) show();
  }
  const hand = ({ offsetX: x, offsetY: y, buttons }) => touch((4 * x) / canvas.clientWidth - 2, 2 - (4 * y) / canvas.clientHeight, buttons === 1 && pen.ariaPressed === "true");
  if (game.ask) Object.assign(canvas, { onpointermove: hand, onpointerdown: (event) => (canvas.setPointerCapture(event.pointerId), hand(event)) });
  canvas.onkeydown = (event) => { // arrows ask, and draw with Shift
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
    if (!game.ask || !step) return;
    event.preventDefault();
    touch(...s.place.map((v, i) => 4 * unit((v + step[i] + 2) / 4) - 2), event.shiftKey);
  };
  for (const one of root.querySelectorAll("button, input, select, canvas, summary")) one.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys
  choose(told.presets[0]);
  return () => (timer = cancelAnimationFrame(timer));
}

export default { render: ({ model, el }) => mount(el, model.get("game"), model.get("told")) };
