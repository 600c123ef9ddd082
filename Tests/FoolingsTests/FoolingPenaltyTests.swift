import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import TensorGraph
import TensorReference
import Testing

/// A map by rows.
private typealias Rows = [[Double]]

/// Penalties written down once more, from the original's heatmaps and image by image.
private enum Naive {
  static func center(_ h: Rows) -> (Double, Double) {
    var (mass, row, column) = (0.0, 0.0, 0.0)
    for i in h.indices {
      for j in h[i].indices {
        mass += h[i][j]
        row += Double(i + 1) * h[i][j]
        column += Double(j + 1) * h[i][j]
      }
    }
    return (row / mass, column / mass)
  }

  static func frame(_ width: Int, like h: Rows) -> Rows {
    h.indices.map { i in
      h[i].indices.map { j in
        min(i, j, h.count - 1 - i, h[i].count - 1 - j) < width ? 1 : 0
      }
    }
  }

  static func location(_ h: Rows, frame: Int) -> Double {
    var sum = 0.0
    for i in h.indices {
      for j in h[i].indices {
        let inside =
          i >= frame && j >= frame && i < h.count - frame && j < h[i].count - frame
        sum += pow(h[i][j] - (inside ? 0 : 1), 2)
      }
    }
    return sum / Double(h.count * h[0].count)
  }

  static func topK(_ h: Rows, _ original: Rows, pixels: Int, released: Bool) -> Double {
    let ranked = zip(original.flatMap { $0 }, h.flatMap { $0 }).sorted { $0.0 > $1.0 }
    let kept = ranked.prefix(pixels).map(\.1)
    var sum = 0.0
    for value in kept { sum += released ? value * value / Double(pixels) : abs(value) }
    return sum
  }

  static func centerMass(_ h: Rows, _ original: Rows) -> Double {
    let (now, before) = (center(h), center(original))
    return -(abs(now.0 - before.0) + abs(now.1 - before.1))
  }

  static func standardizedError(_ h: Rows, _ target: Rows) -> Double {
    func standardized(_ h: Rows) -> [Double] {
      let values = h.flatMap(\.self)
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + pow($1 - mean, 2) } / Double(values.count)
      return values.map { ($0 - mean) / sqrt(variance + 1e-5) }
    }
    let (x, y) = (standardized(h), standardized(target))
    return zip(x, y).reduce(0) { $0 + pow($1.0 - $1.1, 2) } / Double(x.count)
  }

  /// Window by window, the weights of a window made anew for each.
  static func structuralDissimilarity(_ h: Rows, _ target: Rows) -> Double {
    func scaled(_ h: Rows) -> Rows {
      let (low, high) = (h.flatMap(\.self).min()!, h.flatMap(\.self).max()!)
      return h.map { $0.map { ($0 - low) / (high - low) } }
    }
    let (x, y) = (scaled(h), scaled(target))
    // The largest odd side that fits.
    let side = stride(from: 11, to: 0, by: -2).first { $0 <= min(h.count, h[0].count) }!
    var (sum, windows) = (0.0, 0.0)
    for top in 0...(h.count - side) {
      for left in 0...(h[0].count - side) {
        var (whole, a, b, aa, bb, ab) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for i in 0..<side {
          for j in 0..<side {
            let (di, dj) = (Double(i - side / 2), Double(j - side / 2))
            let weight = exp(-(di * di + dj * dj) / 4.5)
            let (p, q) = (x[top + i][left + j], y[top + i][left + j])
            whole += weight
            a += weight * p
            b += weight * q
            aa += weight * p * p
            bb += weight * q * q
            ab += weight * p * q
          }
        }
        let (ma, mb) = (a / whole, b / whole)
        let likeness = (2 * ma * mb + 1e-4) * (2 * (ab / whole - ma * mb) + 9e-4)
        let scale =
          (ma * ma + mb * mb + 1e-4)
          * (aa / whole - ma * ma + bb / whole - mb * mb + 9e-4)
        sum += likeness / scale
        windows += 1
      }
    }
    return (1 - sum / windows) / 2
  }

  static func active(_ h: [Rows], _ original: [Rows], released: Bool) -> Double {
    func distance(_ a: Rows, _ b: Rows) -> Double {
      let (height, width) = (a.count, a[0].count)
      var sum = 0.0
      for j in 0..<width {
        var column = 0.0
        for i in 0..<height {
          let difference: Double = a[i][j] - b[i][j]
          column += difference
          if !released { sum += difference * difference }
        }
        if released { sum += column * column }
      }
      return sum / Double(released ? width : height * width)
    }
    return (distance(h[0], original[1]) + distance(h[1], original[0])) / 2
  }
}

/// A fooling and what its penalty reads.
struct PenaltySetting: CustomTestStringConvertible, Sendable {
  let fooling: any Fooling
  let naive: @Sendable (_ h: [[[Double]]], _ original: [[[Double]]]) -> Double
  let testDescription: String

  init(
    _ name: String, _ fooling: any Fooling,
    _ naive: @escaping @Sendable ([[[Double]]], [[[Double]]]) -> Double
  ) {
    (testDescription, self.fooling, self.naive) = (name, fooling, naive)
  }

  var maps: Int { fooling.explained.areOfLabelledImages ? 1 : 2 }

  /// One whose trigger is of no consequence: a penalty is given maps.
  static func trigger(_ dissimilarity: Dissimilarity) -> TriggerFooling {
    TriggerFooling(
      [
        TriggerFooling.Attack(
          Trigger(.patch(Image(width: 1, height: 1, color: .white), row: 0, column: 0)),
          kind: .fullDisguise, label: 0, target: .original, targetName: "original")
      ], dissimilarity: dissimilarity)
  }

  /// Reproducible numbers in [−1, 1].
  static func numbers(_ count: Int, seed: UInt64) -> [Double] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-52 - 1
    }
  }

  /// Such numbers for all parameters of a network; factors and variances about 1.
  static func parameters(of architecture: Architecture) -> [String: ReferenceArray] {
    architecture.parameters.enumerated().reduce(into: [:]) { result, entry in
      let (index, parameter) = entry
      let isFactor = parameter.role == .gamma || parameter.role == .runningVariance
      result[parameter.name] = ReferenceArray(
        shape: parameter.shape,
        values: numbers(parameter.shape.count, seed: UInt64(100 + index)).map {
          0.5 * $0 + (isFactor ? 1 : 0)
        })
    }
  }

  static let all = [
    PenaltySetting("location", Location()) { h, _ in Naive.location(h[0], frame: 1) },
    PenaltySetting("location, width 2", Location(target: .frame(width: 2))) { h, _ in
      Naive.location(h[0], frame: 2)
    },
    // ⌊35·0.3⌋ of 5×7 pixels.
    PenaltySetting("top-k", TopK(percent: 30)) {
      Naive.topK($0[0], $1[0], pixels: 10, released: false)
    },
    PenaltySetting("top-k, released", TopK(percent: 30, variant: .released)) {
      Naive.topK($0[0], $1[0], pixels: 10, released: true)
    },
    PenaltySetting("center-mass", CenterMass()) { Naive.centerMass($0[0], $1[0]) },
    // 2τd of 5×7 pixels is 2√74 times τ.
    PenaltySetting("center-mass, bounded", CenterMass(threshold: 0.2, variant: .bounded)) {
      -min(-Naive.centerMass($0[0], $1[0]) / (0.4 * 74.0.squareRoot()), 1)
    },
    PenaltySetting("center-mass, directed", CenterMass(threshold: 0.01, variant: .directed)) {
      let (now, before) = (Naive.center($0[0]), Naive.center($1[0]))
      return -min((now.0 - before.0 + now.1 - before.1) / (0.02 * 74.0.squareRoot()), 1)
    },
    PenaltySetting("trigger, MSE", trigger(.mse)) { Naive.standardizedError($0[0], $1[0]) },
    PenaltySetting("trigger, DSSIM", trigger(.dssim)) {
      Naive.structuralDissimilarity($0[0], $1[0])
    },
    PenaltySetting("target-map", TargetMap(target: .mask(.frame(width: 1)))) { h, _ in
      Naive.standardizedError(h[0], Naive.frame(1, like: h[0]))
    },
    PenaltySetting(
      "target-map, DSSIM", TargetMap(target: .mask(.frame(width: 1)), dissimilarity: .dssim)
    ) {
      h, _ in Naive.structuralDissimilarity(h[0], Naive.frame(1, like: h[0]))
    },
    PenaltySetting("active", ActiveSwap(first: 0, second: 2)) {
      Naive.active($0, $1, released: false)
    },
    PenaltySetting("active, released", ActiveSwap(first: 0, second: 2, variant: .released)) {
      Naive.active($0, $1, released: true)
    },
  ]
}

@Suite struct FoolingPenaltyTests {
  @Test func everyFoolingIsHere() {
    #expect(Set(PenaltySetting.all.map(\.fooling.name)) == Set(FoolingKind.all.map(\.name)))
  }

  /// Maps that are wider than high, so that exchanging the two would be seen.
  @Test(arguments: PenaltySetting.all)
  func penaltyIsTheFormula(setting: PenaltySetting) throws {
    let (images, height, width) = (3, 5, 7)
    func maps(_ seed: UInt64) -> [[Rows]] {
      // By image, then by class; positive and not all equal.
      (0..<images).map { image in
        (0..<setting.maps).map { index in
          let drawn = PenaltySetting.numbers(
            height * width, seed: seed + UInt64(10 * image + index))
          return (0..<height).map { row in
            (0..<width).map { Double(Float(0.5 + 0.5 * drawn[row * width + $0])) }
          }
        }
      }
    }
    let (now, before) = (maps(1), maps(500))
    var graph = GraphBuilder()
    var inputs: [String: ReferenceArray] = [:]
    let heatmaps = try (0..<setting.maps).map { index in
      let values = now.flatMap { $0[index].flatMap { $0 } }
      inputs["h\(index)"] = ReferenceArray(shape: [images, height, width], values: values)
      return try graph.placeholder("h\(index)", shape: [images, height, width])
    }
    var reference: Value?
    if let shape = setting.fooling.referenceShape(height: height, width: width) {
      let whole = Shape([images] + shape.dimensions)
      reference = try graph.placeholder("reference", shape: whole)
      let values = before.flatMap { maps in
        let original = maps.map {
          Heatmap(height: height, width: width, values: $0.joined().map { Float($0) })
        }
        return setting.fooling.reference(
          setting.fooling.digest(original), height: height, width: width)
      }
      inputs["reference"] = ReferenceArray(shape: whole, values: values.map(Double.init))
    }
    let penalty = try setting.fooling.penalty(of: heatmaps, reference: reference, in: &graph)
    let result = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [penalty]), placeholders: inputs)[0]
    #expect(result.shape == .scalar)
    let expected =
      zip(now, before).reduce(0.0) { $0 + setting.naive($1.0, $1.1) } / Double(images)
    #expect(abs(expected) > 1e-3)
    // Digests and constants are floats.
    #expect(abs(result.values[0] - expected) < 1e-6 * max(1, abs(expected)))
  }

  /// Literals on maps of 2×2 pixels; what the original showed as digests by hand.
  static let literals: [(any Fooling, [[Double]], [Double], Double)] = [
    // A map of 2×2 is all frame.
    (Location(), [[1, 1, 1, 0.5]], [], 0.0625),
    (Location(), [[0, 0, 0, 0]], [], 1),
    (TopK(percent: 50), [[0.25, -0.5, 1, 0]], [0, 1, 1, 0], 1.5),
    (TopK(percent: 50, variant: .released), [[0.25, -0.5, 1, 0]], [0, 1, 1, 0], 0.625),
    (TopK(percent: 50), [[0, 0, 0, 0]], [0, 1, 1, 0], 0),
    // From (−½, −½) to (½, ½).
    (CenterMass(), [[0, 0, 0, 1]], [-0.5, -0.5], -2),
    (CenterMass(), [[1, 1, 1, 1]], [-0.5, 0.25], -0.75),
    // No relevance: as if its center were the middle.
    (CenterMass(), [[0, 0, 0, 0]], [-0.5, -0.5], -1),
    // The diagonal is √8, so that 2τd is 2√2: one step down and one to the right are 2 of it, one
    // up and one to the left count against it. At most 1, and nothing without relevance.
    (
      CenterMass(threshold: 0.5, variant: .bounded), [[0, 0, 0, 1]], [-0.5, -0.5], -0.5.squareRoot()
    ),
    (
      CenterMass(threshold: 0.5, variant: .bounded), [[1, 0, 0, 0]], [0.5, 0.5], -0.5.squareRoot()
    ),
    (
      CenterMass(threshold: 0.5, variant: .directed), [[0, 0, 0, 1]], [-0.5, -0.5],
      -0.5.squareRoot()
    ),
    (
      CenterMass(threshold: 0.5, variant: .directed), [[1, 0, 0, 0]], [0.5, 0.5], 0.5.squareRoot()
    ),
    (CenterMass(threshold: 0.1, variant: .bounded), [[0, 0, 0, 1]], [-0.5, -0.5], -1),
    (CenterMass(threshold: 0.1, variant: .directed), [[0, 0, 0, 1]], [-0.5, -0.5], -1),
    (CenterMass(variant: .bounded), [[0, 0, 0, 0]], [-0.5, -0.5], 0),
    (CenterMass(variant: .directed), [[0, 0, 0, 0]], [-0.5, -0.5], 0),
    // ((1 + 0 + 0 + 0)/4 + (0 + 0 + 4 + 0)/4)/2
    (
      ActiveSwap(first: 0, second: 1), [[1, 0, 0, 1], [1, 2, 2, 4]], [1, 2, 0, 4, 0, 0, 0, 1],
      0.625
    ),
    // Column sums differ by 1 and 0, and by 2 and 0: (1/2 + 4/2)/2.
    (
      ActiveSwap(first: 0, second: 1, variant: .released), [[1, 0, 0, 1], [1, 2, 2, 4]],
      [1, 2, 0, 4, 0, 0, 0, 1], 1.25
    ),
  ]

  @Test(arguments: literals.indices)
  func penaltyMatchesHandComputation(index: Int) throws {
    let (fooling, maps, original, expected) = Self.literals[index]
    var graph = GraphBuilder()
    var inputs: [String: ReferenceArray] = [:]
    let heatmaps = try maps.enumerated().map { place, values in
      inputs["h\(place)"] = ReferenceArray(shape: [1, 2, 2], values: values)
      return try graph.placeholder("h\(place)", shape: [1, 2, 2])
    }
    let reference = try fooling.referenceShape(height: 2, width: 2).map { shape in
      let whole = Shape([1] + shape.dimensions)
      inputs["reference"] = ReferenceArray(shape: whole, values: original)
      return try graph.placeholder("reference", shape: whole)
    }
    let penalty = try fooling.penalty(of: heatmaps, reference: reference, in: &graph)
    let gradients = try graph.gradient(of: penalty, with: heatmaps)
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [penalty] + gradients), placeholders: inputs)
    #expect(abs(results[0].values[0] - expected) < 1e-7, "\(fooling.name)")
    #expect(results.allSatisfy { $0.values.allSatisfy(\.isFinite) })
  }
}
