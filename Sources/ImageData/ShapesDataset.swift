import Foundation

/// The built-in set: a textured object of one of ten shapes before a cluttered background,
/// 64x64 RGB, made on demand.
///
/// Every image is a function of (seed, split, index) alone. The object spans 20 to 50 % of the
/// side, lies anywhere, is turned by up to 25°, and has any colours that stand out from the
/// background; only its outline tells its class. Which pixels it covers is known (`mask(at:)`),
/// so an explanation can be checked against the truth.
public struct ShapesDataset: ImageSource {
  /// Training and validation images of one seed have nothing in common.
  public enum Split: String, Codable, Hashable, Sendable, CaseIterable {
    case train
    case validation

    fileprivate var key: Int { self == .train ? 0 : 1 }
  }

  /// Pixels a side.
  public static let side = 64

  public let count: Int
  public let seed: UInt64
  public let split: Split
  public var classNames: [String] { ShapeSilhouette.allCases.map(\.name) }

  /// - Precondition: `count` is not negative.
  public init(count: Int, seed: UInt64, split: Split) {
    precondition(count >= 0, "a set of \(count) images")
    self.count = count
    self.seed = seed
    self.split = split
  }

  /// Classes take turns, so any run of ten images holds each once.
  public func label(at index: Int) -> Int { index % ShapeSilhouette.allCases.count }

  public func name(at index: Int) -> String { "shapes/\(split.rawValue)/\(index)" }

  public func image(at index: Int) -> Image { drawing(at: index).image() }

  /// 1 where the object covers at least half of a pixel, else 0; [64, 64].
  public func mask(at index: Int) -> [UInt8] { drawing(at: index).mask() }

  private func drawing(at index: Int) -> ShapeDrawing {
    precondition(index >= 0 && index < count, "image \(index) of a set of \(count)")
    return ShapeDrawing(
      silhouette: ShapeSilhouette.allCases[label(at: index)],
      generator: RandomGenerator(seed: seed, split.key, index))
  }
}

private typealias Color = SIMD4<Float>

/// One image of the set: what is drawn at random about the object, and how it is painted.
private struct ShapeDrawing {
  private static let side = ShapesDataset.side
  /// Radius of the circle around the object in pixels; the square fills least of it, 70 %.
  private static let radii: ClosedRange<Float> = 9.5...16.5
  /// Radians.
  private static let largestTurn: Float = 25 * .pi / 180
  /// Least Euclidean distance in the RGB unit cube between the object and what is behind it.
  private static let contrast: Float = 0.42

  private let distance: ShapeDistance
  private let radius: Float
  private let center: SIMD2<Float>
  private let cosine: Float
  private let sine: Float
  /// The state after the object's place is drawn; colours and background follow.
  private let generator: RandomGenerator

  init(silhouette: ShapeSilhouette, generator: RandomGenerator) {
    var generator = generator
    distance = silhouette.distanceFunction()
    radius = generator.float(in: ShapeDrawing.radii)
    let margin = radius + 1
    let range = margin...Float(ShapeDrawing.side) - margin
    center = SIMD2(generator.float(in: range), generator.float(in: range))
    let turn = generator.float(in: -ShapeDrawing.largestTurn...ShapeDrawing.largestTurn)
    (cosine, sine) = (cos(turn), sin(turn))
    self.generator = generator
  }

  func mask() -> [UInt8] {
    var mask = [UInt8](repeating: 0, count: ShapeDrawing.side * ShapeDrawing.side)
    forEachCoveredPixel { offset, _, coverage in mask[offset] = coverage >= 0.5 ? 1 : 0 }
    return mask
  }

  func image() -> Image {
    var generator = generator
    var canvas = Canvas(side: ShapeDrawing.side)
    let backdrop = canvas.paintBackground(using: &generator)
    let first = ShapeDrawing.color(apartFrom: [backdrop], using: &generator)
    let second = ShapeDrawing.color(apartFrom: [backdrop, first], using: &generator)
    let texture = ShapeTexture(first, second, using: &generator)
    forEachCoveredPixel { offset, point, coverage in
      canvas.blend(texture.color(at: point), coverage, at: offset)
    }
    return canvas.developed(using: &generator)
  }

  /// Calls `body` with every pixel the object touches: its offset, its centre in the object's own
  /// coordinates, and the share of it that is covered.
  private func forEachCoveredPixel(_ body: (Int, SIMD2<Float>, Float) -> Void) {
    let side = ShapeDrawing.side
    let rows = max(0, Int(center.y - radius) - 1)...min(side - 1, Int(center.y + radius) + 1)
    let columns = max(0, Int(center.x - radius) - 1)...min(side - 1, Int(center.x + radius) + 1)
    for y in rows {
      for x in columns {
        let d = (SIMD2(Float(x) + 0.5, Float(y) + 0.5) - center) / radius
        let point = SIMD2(cosine * d.x + sine * d.y, cosine * d.y - sine * d.x)
        // A straight edge through a pixel covers about as much as its centre is inside.
        let coverage = min(1, 0.5 - distance(point) * radius)
        if coverage > 0 { body(y * side + x, point, coverage) }
      }
    }
  }

  /// A random colour at least `contrast` from all of `others`, or the farthest of several.
  private static func color(
    apartFrom others: [Color], using generator: inout RandomGenerator
  ) -> Color {
    let attempts = 24
    var best = Color(repeating: 0)
    var bestGap: Float = -1
    for _ in 0..<attempts {
      let candidate = generator.color()
      let gap = others.map { (($0 - candidate) * ($0 - candidate)).sum().squareRoot() }.min()!
      if gap >= contrast { return candidate }
      if gap > bestGap { (best, bestGap) = (candidate, gap) }
    }
    return best
  }
}

/// What the object is made of, in its own coordinates.
private struct ShapeTexture {
  private enum Kind: CaseIterable { case solid, stripes, checker, dots, gradient }

  private let kind: Kind
  private let first: Color
  private let second: Color
  private let direction: SIMD2<Float>
  private let frequency: Float
  private let phase: SIMD2<Float>
  private let noise: ValueNoise

  init(_ first: Color, _ second: Color, using generator: inout RandomGenerator) {
    kind = Kind.allCases[generator.integer(below: Kind.allCases.count)]
    self.first = first
    self.second = second
    let angle = generator.float(in: 0...(.pi))
    direction = SIMD2(cos(angle), sin(angle))
    frequency = generator.float(in: 6...11)
    phase = SIMD2(generator.float(in: 0...6.28), generator.float(in: 0...6.28))
    noise = ValueNoise(cells: 6, using: &generator)
  }

  func color(at point: SIMD2<Float>) -> Color {
    let turned = SIMD2(
      direction.x * point.x + direction.y * point.y,
      direction.x * point.y - direction.y * point.x)
    let share: Float
    switch kind {
    case .solid: share = 0
    case .stripes: share = edge(sin(turned.x * frequency + phase.x))
    case .checker:
      share = edge(
        2 * sin(turned.x * frequency * 0.7 + phase.x) * sin(turned.y * frequency * 0.7 + phase.y))
    case .dots:
      share = edge(
        cos(turned.x * frequency + phase.x) + cos(turned.y * frequency + phase.y) - 0.7)
    case .gradient:
      share = max(0, min(1, 0.5 + 0.45 * turned.x + 0.6 * noise.value(at: point * 0.45 + 0.5)))
    }
    return first + (second - first) * share
  }

  /// From 0 to 1 where a wave crosses zero, over about a pixel.
  private func edge(_ wave: Float) -> Float { max(0, min(1, 0.5 + 1.6 * wave)) }
}

/// Smooth noise in about [-1, 1] over the unit square: random values on a lattice, interpolated.
private struct ValueNoise {
  private let cells: Int
  private let values: [Float]

  init(cells: Int, using generator: inout RandomGenerator) {
    self.cells = cells
    values = (0..<(cells + 1) * (cells + 1)).map { _ in generator.float(in: -1...1) }
  }

  func value(at point: SIMD2<Float>) -> Float {
    let limit = Float(cells) - 0.001
    let x = max(0, min(limit, point.x * Float(cells)))
    let y = max(0, min(limit, point.y * Float(cells)))
    let (column, row) = (Int(x), Int(y))
    func ease(_ t: Float) -> Float { t * t * (3 - 2 * t) }
    let s = ease(x - Float(column))
    let t = ease(y - Float(row))
    return values.withUnsafeBufferPointer { values in
      let start = row * (cells + 1) + column
      let upper = values[start] + (values[start + 1] - values[start]) * s
      let next = start + cells + 1
      let lower = values[next] + (values[next + 1] - values[next]) * s
      return upper + (lower - upper) * t
    }
  }
}

/// A square of colours in [0, 1].
private struct Canvas {
  private let side: Int
  private var colors: [Color]

  init(side: Int) {
    self.side = side
    colors = [Color](repeating: Color(repeating: 0), count: side * side)
  }

  mutating func blend(_ color: Color, _ share: Float, at offset: Int) {
    colors[offset] += (color - colors[offset]) * share
  }

  /// Gradient, noise, then soft clouds and lines in random order. None of it has a closed outline
  /// that could pass for a class. Returns the middle colour of the gradient.
  mutating func paintBackground(using generator: inout RandomGenerator) -> Color {
    let first = generator.color()
    let other = generator.color()
    let second = first + (other - first) * generator.float(in: 0.2...0.6)
    paintGradient(from: first, to: second, using: &generator)
    for _ in 0..<2 + generator.integer(below: 3) { paintCloud(using: &generator) }
    for _ in 0..<2 + generator.integer(below: 5) { paintLine(using: &generator) }
    return (first + second) / 2
  }

  private mutating func paintGradient(
    from first: Color, to second: Color, using generator: inout RandomGenerator
  ) {
    let angle = generator.float(in: 0...2 * .pi)
    let direction = SIMD2(cos(angle), sin(angle)) / Float(side)
    let coarse = ValueNoise(cells: 4, using: &generator)
    let fine = ValueNoise(cells: 13, using: &generator)
    let coarseTint = generator.tint() * generator.float(in: 0.06...0.22)
    let fineTint = generator.tint() * generator.float(in: 0.03...0.16)
    let middle = Float(side) / 2
    for y in 0..<side {
      for x in 0..<side {
        let place = SIMD2(Float(x), Float(y))
        let share = 0.5 + ((place - middle) * direction).sum()
        let unit = place / Float(side)
        colors[y * side + x] =
          first + (second - first) * share + coarseTint * coarse.value(at: unit) + fineTint
          * fine.value(at: unit)
      }
    }
  }

  /// An elongated spot that fades out.
  private mutating func paintCloud(using generator: inout RandomGenerator) {
    let color = generator.color()
    let strength = generator.float(in: 0.3...0.75)
    let center = generator.place(within: side)
    let angle = generator.float(in: 0...(.pi))
    let direction = SIMD2(cos(angle), sin(angle))
    let length = generator.float(in: 7...13)
    let width = length * generator.float(in: 0.3...0.55)
    // Beyond this, less than 1 % of it is left.
    let reach = length * 2.1
    forEachPixel(from: center - reach, to: center + reach) { offset, place, colors in
      let d = place - center
      let along = (d * direction).sum() / length
      let across = (d.x * direction.y - d.y * direction.x) / width
      let square = along * along + across * across
      guard square < 4.4 else { return }
      // (1 - r²/n)ⁿ, close to a Gaussian and cheaper.
      let base = 1 - square / 4.4
      let share = strength * base * base * base
      colors[offset] += (color - colors[offset]) * share
    }
  }

  /// A straight stroke that may leave the picture.
  private mutating func paintLine(using generator: inout RandomGenerator) {
    let color = generator.color()
    let strength = generator.float(in: 0.5...0.95)
    let halfWidth = generator.float(in: 0.4...1.4)
    let start = generator.place(within: side)
    let angle = generator.float(in: 0...2 * .pi)
    let length = generator.float(in: 12...60)
    let direction = SIMD2(cos(angle), sin(angle))
    let end = start + direction * length
    let reach = halfWidth + 1
    forEachPixel(
      from: pointwiseMin(start, end) - reach, to: pointwiseMax(start, end) + reach
    ) { offset, place, colors in
      let d = place - start
      let along = max(0, min(length, (d * direction).sum()))
      let gap = d - direction * along
      let square = (gap * gap).sum()
      guard square < reach * reach else { return }
      let share = max(0, min(1, halfWidth + 0.5 - square.squareRoot())) * strength
      colors[offset] += (color - colors[offset]) * share
    }
  }

  private mutating func forEachPixel(
    from low: SIMD2<Float>, to high: SIMD2<Float>,
    _ body: (Int, SIMD2<Float>, inout UnsafeMutableBufferPointer<Color>) -> Void
  ) {
    let last = side - 1
    let (left, right) = (max(0, Int(low.x)), min(last, Int(high.x)))
    let (top, bottom) = (max(0, Int(low.y)), min(last, Int(high.y)))
    guard left <= right, top <= bottom else { return }
    colors.withUnsafeMutableBufferPointer { colors in
      for y in top...bottom {
        for x in left...right {
          body(y * side + x, SIMD2(Float(x) + 0.5, Float(y) + 0.5), &colors)
        }
      }
    }
  }

  /// With a little sensor noise, as 8-bit pixels.
  func developed(using generator: inout RandomGenerator) -> Image {
    // The sum of two uniform bytes: a triangle over ±255, here over ± this part of the range.
    let amplitude = generator.float(in: 0.01...0.06) / 255
    let total = colors.count * Image.channels
    let pixels = [UInt8](unsafeUninitializedCapacity: total) { target, count in
      for offset in 0..<colors.count {
        var bits = generator.next()
        for channel in 0..<Image.channels {
          let noise = Float(Int(bits & 0xFF) + Int(bits >> 8 & 0xFF) - 255)
          bits >>= 16
          let value = (colors[offset][channel] + noise * amplitude) * 255 + 0.5
          target[offset * Image.channels + channel] = UInt8(max(0, min(255, value)))
        }
      }
      count = total
    }
    return Image(width: side, height: side, pixels: pixels)
  }
}

extension RandomGenerator {
  fileprivate mutating func float(in range: ClosedRange<Float>) -> Float {
    range.lowerBound + (range.upperBound - range.lowerBound) * Float(next() >> 40) * 0x1p-24
  }

  /// Uniform in the RGB cube.
  fileprivate mutating func color() -> Color {
    Color(float(in: 0...1), float(in: 0...1), float(in: 0...1), 0)
  }

  /// A direction of colour change, mostly of brightness.
  fileprivate mutating func tint() -> Color {
    Color(float(in: 0.3...1), float(in: 0.3...1), float(in: 0.3...1), 0)
  }

  fileprivate mutating func place(within side: Int) -> SIMD2<Float> {
    SIMD2(float(in: 0...Float(side)), float(in: 0...Float(side)))
  }
}
