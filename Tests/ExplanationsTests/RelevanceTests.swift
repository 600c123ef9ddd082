import Explanations
import Foundation
import Networks
import TensorGraph
import TensorReference
import Testing

/// Every rule again, written naively over lists of single connections.
private struct Connections {
  /// For each output its inputs and weights.
  var lists: [[(input: Int, weight: Double)]] = []
  var bias: [Double]
  let inputs: Int

  func contributions(_ x: [Double], _ j: Int) -> [(input: Int, z: Double)] {
    lists[j].map { ($0.input, x[$0.input] * $0.weight) }
  }

  private func stabilized(_ d: Double, _ epsilon: Double) -> Double {
    d >= 0 ? d + epsilon : d - epsilon
  }

  func relevance(_ rule: RelevanceRule, _ x: [Double], _ output: [Double]) -> [Double] {
    var received = [Double](repeating: 0, count: inputs)
    for j in lists.indices {
      let z = contributions(x, j)
      switch rule {
      case .epsilon(let epsilon, let countsBias):
        let total = z.reduce(0) { $0 + $1.z } + (countsBias ? bias[j] : 0)
        for (i, z) in z { received[i] += z / stabilized(total, epsilon) * output[j] }
      case .alphaBeta(let alpha, let beta, let epsilon, let countsBias):
        let b = countsBias ? bias[j] : 0
        let up = z.reduce(0) { $0 + max($1.z, 0) } + max(b, 0)
        let down = z.reduce(0) { $0 + min($1.z, 0) } + min(b, 0)
        for (i, z) in z {
          received[i] += alpha * max(z, 0) / stabilized(up, epsilon) * output[j]
          received[i] -= beta * min(z, 0) / stabilized(down, epsilon) * output[j]
        }
      case .gamma(let gamma, let epsilon, let countsBias):
        let total = z.reduce(0) { $0 + $1.z } + bias[j]
        // Contributions of the output's own sign are favoured.
        let sign: Double = total > 0 ? 1 : -1
        func favoured(_ z: Double) -> Double { z + gamma * sign * max(sign * z, 0) }
        let sum =
          z.reduce(0) { $0 + favoured($1.z) } + (countsBias ? favoured(bias[j]) : 0)
        for (i, z) in z { received[i] += favoured(z) / stabilized(sum, epsilon) * output[j] }
      case .flat(let epsilon):
        for (i, _) in lists[j] {
          received[i] += output[j] / (Double(lists[j].count) + epsilon)
        }
      case .wSquare(let epsilon, let countsBias):
        let sum =
          lists[j].reduce(0) { $0 + $1.weight * $1.weight } + (countsBias ? bias[j] * bias[j] : 0)
        for (i, w) in lists[j] { received[i] += w * w / (sum + epsilon) * output[j] }
      case .pass, .winnerTakesAll, .positiveShare, .share, .signalTakesAll: break
      }
    }
    return received
  }

  /// 3×3 filters [K, 3, 3, C] over an image [H, W, C], stride 2, one row and column of padding.
  static func convolution(_ w: ReferenceArray, _ bias: [Double], _ image: Shape) -> Connections {
    let (height, width, channels) = (image[0], image[1], image[2])
    var connections = Connections(bias: [], inputs: image.count)
    for p in 0..<(height + 1) / 2 {
      for q in 0..<(width + 1) / 2 {
        for k in 0..<w.shape[0] {
          var list: [(Int, Double)] = []
          for r in 0..<3 {
            for s in 0..<3 {
              let (i, j) = (2 * p + r - 1, 2 * q + s - 1)
              guard (0..<height).contains(i), (0..<width).contains(j) else { continue }
              for c in 0..<channels {
                let weight = w.values[((k * 3 + r) * 3 + s) * channels + c]
                list.append(((i * width + j) * channels + c, weight))
              }
            }
          }
          connections.lists.append(list)
          connections.bias.append(bias[k])
        }
      }
    }
    return connections
  }

  /// [K, D] after an image [H, W, C] was flattened with channels first.
  static func dense(_ w: ReferenceArray, _ bias: [Double], _ image: Shape) -> Connections {
    var connections = Connections(bias: bias, inputs: image.count)
    for k in 0..<w.shape[0] {
      connections.lists.append(
        (0..<image.count).map { position in
          let (pixel, channel) = (position / image[2], position % image[2])
          let column = channel * image[0] * image[1] + pixel
          return (position, w.values[k * image.count + column])
        })
    }
    return connections
  }

  func apply(_ x: [Double]) -> [Double] {
    lists.indices.map { j in contributions(x, j).reduce(bias[j]) { $0 + $1.z } }
  }
}

@Suite struct RelevanceTests {
  // MARK: Networks

  static func network(
    _ input: Shape, classes: Int, _ layers: [(String, Layer, [String]?)]
  ) throws -> Architecture {
    var nodes: [LayerNode] = []
    for (name, layer, inputs) in layers {
      nodes.append(
        LayerNode(
          name: name, layer: layer,
          inputs: inputs ?? [nodes.last?.name ?? Architecture.inputName]))
    }
    return try Architecture(name: "small", inputShape: input, classes: classes, nodes: nodes)
  }

  static let filters = Layer.convolution(
    ConvolutionLayer(inputChannels: 2, outputChannels: 3, kernelSize: 3, stride: 2, padding: 1))

  /// Convolution [5, 4, 2] to [3, 2, 3], batch norm if asked for, ReLU, dense.
  static func stack(batchNorm: Bool) throws -> Architecture {
    try network(
      [5, 4, 2], classes: 2,
      [("conv", filters, nil)]
        + (batchNorm ? [("bn", .batchNorm(BatchNormLayer(channels: 3)), nil)] : [])
        + [
          ("relu", .relu, nil), ("flat", .flatten, nil),
          ("fc", .dense(DenseLayer(inputs: 18, outputs: 2)), nil),
        ])
  }

  static func values(_ architecture: Architecture, seed: UInt64) -> [String: ReferenceArray] {
    var numbers = Numbers(state: seed)
    var values: [String: ReferenceArray] = [:]
    for parameter in architecture.parameters {
      var array = numbers.array(parameter.shape)
      if parameter.role == .gamma || parameter.role == .runningVariance {
        array.values = array.values.map { 1 + 0.5 * $0 }
      }
      values[parameter.name] = array
    }
    return values
  }

  func run(
    _ architecture: Architecture, _ interpreter: any Interpreter,
    _ values: [String: ReferenceArray], images: ReferenceArray, label: Int = 1,
    keeping: Set<String> = []
  ) throws -> (heatmap: ReferenceArray, logits: ReferenceArray) {
    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: images.shape)
    let lowered = try NetworkGraph(
      architecture, input: input, keeping: interpreter.keptActivations.union(keeping), in: &graph)
    let classes = try graph.placeholder("classes", shape: lowered.logits.shape)
    let heatmap = try interpreter.heatmap(of: lowered, classes: classes, in: &graph)
    let program = graph.graph(outputs: [heatmap, lowered.logits])
    try program.verify()
    let results = try ReferenceEvaluator.evaluate(
      program,
      placeholders: [
        "images": images,
        "classes": ReferenceArray(
          shape: classes.shape,
          values: (0..<classes.shape.count).map { $0 % architecture.classes == label ? 1 : 0 }),
      ], parameters: values)
    return (results[0], results[1])
  }

  // MARK: Rules against naive ones

  static let rules: [RelevanceRule] = [
    .epsilon(0.01), .epsilon(0.3, countsBias: false),
    .alphaBeta(alpha: 1, beta: 0, epsilon: 0.01),
    .alphaBeta(alpha: 1, beta: 0, epsilon: 0.01, countsBias: false),
    .alphaBeta(alpha: 2, beta: 1, epsilon: 1e-6),
    .alphaBeta(alpha: 1.5, beta: 0.5, epsilon: 0.1, countsBias: false),
    .gamma(0.25, epsilon: 1e-6), .gamma(2, epsilon: 0.1, countsBias: false),
    .flat(epsilon: 1e-6), .wSquare(epsilon: 1e-6), .wSquare(epsilon: 0.1, countsBias: false),
  ]

  /// Both layers have the rule; the convolution sees positive and negative inputs.
  @Test(arguments: rules, [nil, BatchNormRelevance.identity, .merged])
  func rulesMatchNaiveOnes(rule: RelevanceRule, batchNorm: BatchNormRelevance?) throws {
    let architecture = try Self.stack(batchNorm: batchNorm != nil)
    let values = Self.values(architecture, seed: 11)
    var numbers = Numbers(state: 5)
    let image = numbers.array([1, 5, 4, 2])
    let composite = RelevanceComposite([.init(.convolution, rule), .init(.dense, rule)])
    let (heatmap, logits) = try run(
      architecture,
      LayerwiseRelevance(composite: composite, batchNorm: batchNorm ?? .identity), values,
      images: image)

    var convolution = Connections.convolution(
      values["conv.weight"]!, values["conv.bias"]!.values, [5, 4, 2])
    var hidden = convolution.apply(image.values)
    if batchNorm != nil {
      func statistic(_ name: String, _ k: Int) -> Double { values["bn.\(name)"]!.values[k] }
      for j in hidden.indices {
        let k = j % 3
        let scale = statistic("weight", k) / (statistic("running_var", k) + 1e-5).squareRoot()
        let shift = statistic("bias", k) - statistic("running_mean", k) * scale
        hidden[j] = hidden[j] * scale + shift
        if batchNorm == .merged {
          convolution.lists[j] = convolution.lists[j].map { ($0.input, $0.weight * scale) }
          convolution.bias[j] = convolution.bias[j] * scale + shift
        }
      }
    }
    hidden = hidden.map { max($0, 0) }
    let dense = Connections.dense(values["fc.weight"]!, values["fc.bias"]!.values, [3, 2, 3])
    let output = dense.apply(hidden)
    #expect(abs(output[1] - logits.values[1]) < 1e-12)
    let above = dense.relevance(rule, hidden, [0, output[1]])
    let below = convolution.relevance(rule, image.values, above)
    for pixel in 0..<20 {
      let expected = below[2 * pixel] + below[2 * pixel + 1]
      // Near-zero denominators enlarge what the order of summation leaves.
      #expect(abs(heatmap.values[pixel] - expected) < 1e-9 * max(1, abs(expected)))
    }
    #expect(below.contains { abs($0) > 1e-3 })
  }

  @Test func theFirstMatchingEntryDecides() throws {
    let architecture = try ArchitectureSpecification(
      family: "vgg-style", classes: 3, height: 4, width: 4, channels: 2,
      plan: [.convolution(channels: 3), .convolution(channels: 4)], batchNorm: false,
      classifier: [5]
    ).architecture()
    let values = Self.values(architecture, seed: 2)
    var numbers = Numbers(state: 9)
    let image = numbers.array([1, 4, 4, 2])
    func map(_ entries: [RelevanceComposite.Entry]) throws -> [Double] {
      try run(
        architecture,
        LayerwiseRelevance(composite: RelevanceComposite(entries + RelevanceComposite.heo.entries)),
        values, images: image
      ).heatmap.values
    }
    let flat = RelevanceRule.flat(epsilon: 1e-6)
    let heo = try map([])
    let first = try map([.init(.convolution, flat, position: .first)])
    let last = try map([.init(.convolution, flat, position: .last)])
    #expect(first != heo && last != heo && first != last)
    #expect(try map([.init(.convolution, flat, name: "features.0")]) == first)
    #expect(try map([.init(.convolution, flat, name: "features.2")]) == last)
    #expect(try map([.init(.convolution, flat, name: "features")]) != first)
    #expect(try map([.init(.dense, flat, name: "classifier.2")]) != heo)
    // Entries behind one that matches change nothing.
    let all = RelevanceComposite.heo.entries
    #expect(try map(all + [.init(.convolution, flat), .init(.dense, flat)]) == heo)
  }

  // MARK: Layers without weights

  /// The middle of [3, 3] is the largest of all four 2×2 windows and receives from all of them.
  @Test func overlappingMaxPoolingAccumulates() throws {
    let architecture = try Self.network(
      [3, 3, 1], classes: 1,
      [
        ("pool", .maxPool(Window2D(2)), nil), ("flat", .flatten, nil),
        ("fc", .dense(DenseLayer(inputs: 4, outputs: 1, hasBias: false)), nil),
      ])
    let interpreter = LayerwiseRelevance(
      composite: RelevanceComposite([.init(.dense, .epsilon(1e-12))]))
    let weight = ReferenceArray(shape: [1, 4], values: [1, 2, 3, 4])
    let middle = try run(
      architecture, interpreter, ["fc.weight": weight],
      images: ReferenceArray(shape: [1, 3, 3, 1], values: [1, 2, 3, 4, 9, 5, 6, 7, 8]), label: 0)
    #expect(abs(middle.heatmap.values[4] - 90) < 1e-9)
    #expect(middle.heatmap.values.enumerated().allSatisfy { $0 == 4 || $1 == 0 })
    // Windows with winners 4, 5, 7, 8 (at positions 3, 5, 7, 8), each its own share.
    let apart = try run(
      architecture, interpreter, ["fc.weight": weight],
      images: ReferenceArray(shape: [1, 3, 3, 1], values: [1, 2, 3, 4, 0, 5, 6, 7, 8]), label: 0)
    let expected: [Double] = [0, 0, 0, 4, 0, 10, 0, 21, 32]
    for (value, expected) in zip(apart.heatmap.values, expected) {
      #expect(abs(value - expected) < 1e-9)
    }
  }

  @Test func averagesAndAdditionsShareByPositiveParts() throws {
    // a = x, b = −2x + 1 (1×1 filter); a + b, averaged, one class with weight 1.
    let architecture = try Self.network(
      [1, 3, 1], classes: 1,
      [
        (
          "b", .convolution(ConvolutionLayer(inputChannels: 1, outputChannels: 1, kernelSize: 1)),
          nil
        ),
        ("add", .add, ["input", "b"]), ("pool", .globalAveragePool, nil), ("flat", .flatten, nil),
        ("fc", .dense(DenseLayer(inputs: 1, outputs: 1, hasBias: false)), nil),
      ])
    let values = [
      "b.weight": ReferenceArray(shape: [1, 1, 1, 1], values: [-2]),
      "b.bias": ReferenceArray(shape: [1], values: [1]),
      "fc.weight": ReferenceArray(shape: [1, 1], values: [6]),
    ]
    // x = 0.25, −1, 2; b = 0.5, 3, −3; sum 0.75, 2, −1; logit 6·1.75/3 = 3.5.
    let image = ReferenceArray(shape: [1, 1, 3, 1], values: [0.25, -1, 2])
    let (heatmap, logits) = try run(
      architecture,
      LayerwiseRelevance(
        composite: RelevanceComposite([
          .init(.dense, .epsilon(1e-12)),
          .init(.convolution, .epsilon(1e-12, countsBias: false)),
        ])), values, images: image, label: 0)
    #expect(abs(logits.values[0] - 3.5) < 1e-12)
    // Average: 0.75 and 2 of 2.75, nothing to the negative. Addition: pixel 0 a 1/3, b 2/3; pixel 1
    // all to b. Either way it ends at the same pixel.
    let expected = [3.5 * 0.75 / 2.75, 3.5 * 2 / 2.75, 0]
    for (value, expected) in zip(heatmap.values, expected) { #expect(abs(value - expected) < 1e-9) }
    let branch = try run(
      architecture,
      LayerwiseRelevanceAtLayer(
        layer: "b", composite: RelevanceComposite([.init(.dense, .epsilon(1e-12))])), values,
      images: image, label: 0)
    // 2/3 · 0.75 to 2: a quarter.
    for (value, expected) in zip(branch.heatmap.values, [0.25, 1, 0]) {
      #expect(abs(value - expected) < 1e-6)
    }
  }

  /// What only moves elements brings each element's relevance back to where it came from: with
  /// shares by w·x and no bias, relevance is x times what its own path multiplies it with.
  @Test func movingLayersAreUndone() throws {
    let architecture = try Self.network(
      [3, 4, 2], classes: 1,
      [
        ("pad", .zeroPadding(top: 1, left: 0, bottom: 2, right: 1), nil),
        ("sample", .subsampleAndPadChannels(stride: 2, before: 1, after: 2), ["pad"]),
        ("direct", .subsampleAndPadChannels(stride: 1, before: 0, after: 0), ["sample"]),
        ("concat", .concatenate, ["sample", "direct"]), ("drop", .dropout(rate: 0.5), nil),
        ("relu", .relu, nil), ("flat", .flatten, nil),
        ("fc", .dense(DenseLayer(inputs: 90, outputs: 1, hasBias: false)), nil),
      ])
    #expect(architecture.shapes[3] == [3, 3, 10])
    var numbers = Numbers(state: 3)
    var image = numbers.array([2, 3, 4, 2])
    image.values = image.values.map { abs($0) + 0.1 }
    let weight = numbers.array([1, 90])
    let (heatmap, _) = try run(
      architecture,
      LayerwiseRelevance(composite: RelevanceComposite([.init(.dense, .epsilon(1e-12))])),
      ["fc.weight": weight], images: image, label: 0)
    for n in 0..<2 {
      for row in 0..<3 {
        for column in 0..<4 {
          var expected = 0.0
          // Row r of the image is r + 1 after padding; every second one is kept.
          if (row + 1) % 2 == 0, column % 2 == 0 {
            let (p, q) = ((row + 1) / 2, column / 2)
            for c in 0..<2 {
              for copy in [0, 5] {
                let x = image.values[((n * 3 + row) * 4 + column) * 2 + c]
                expected += x * weight.values[(copy + 1 + c) * 9 + p * 3 + q]
              }
            }
          }
          #expect(abs(heatmap.values[(n * 3 + row) * 4 + column] - expected) < 1e-9)
        }
      }
    }
  }
}
