import Defences
import Foundation
import Networks
import TensorGraph
import TensorReference
import Testing

/// Curvature in the image, against explicit Hessians and finite differences.
@Suite struct RegularizerTests {
  private static let shape: Shape = [2, 4, 4, 2]
  private static let image = 4 * 4 * 2

  private struct Setting {
    var graph = GraphBuilder()
    let network: NetworkGraph
    let labels: Value
    let directions: Value
    let parameters: [String: ReferenceArray]
    let placeholders: [String: ReferenceArray]

    /// - Parameter softplus: β; ReLU if `nil`.
    init(softplus: Double? = nil) throws {
      let architecture = try ArchitectureSpecification(
        family: "vgg-style", classes: 3, height: 4, width: 4, channels: 2,
        plan: [.convolution(channels: 4), .pool, .convolution(channels: 5)], classifier: [6]
      ).architecture()
      let images = try graph.placeholder("images", shape: RegularizerTests.shape)
      var rectifier = Rectifier.relu
      if let softplus { rectifier = .softplus(beta: try graph.scalar(softplus)) }
      network = try NetworkGraph(architecture, input: images, rectifier: rectifier, in: &graph)
      labels = try graph.placeholder("labels", shape: [2, 3])
      directions = try graph.placeholder("directions", shape: RegularizerTests.shape)
      var numbers = SmallNumbers(seed: 3)
      var parameters: [String: ReferenceArray] = [:]
      for parameter in architecture.parameters {
        parameters[parameter.name] = numbers.array(
          parameter.shape, offset: [.gamma, .runningVariance].contains(parameter.role) ? 1.5 : 0)
      }
      self.parameters = parameters
      placeholders = [
        "images": numbers.array(RegularizerTests.shape),
        "directions": numbers.array(RegularizerTests.shape),
        "labels": ReferenceArray(shape: [2, 3], values: [0, 1, 0, 0, 0, 1]),
      ]
    }

    func values(_ outputs: [Value]) throws -> [ReferenceArray] {
      let finished = graph.graph(outputs: outputs)
      return try ReferenceEvaluator.evaluate(
        finished, placeholders: placeholders, parameters: parameters)
    }

    /// Σ_n ℓ_n.
    mutating func loss() throws -> Value {
      let mean = try graph.crossEntropy(network.logits, labels: labels)
      return try graph.multiply(mean, 2)
    }
  }

  @Test func jacobianTimesVectorIsTheDerivativeAlongIt() throws {
    var setting = try Setting(softplus: 2)
    let product = try setting.graph.jacobianVectorProduct(
      of: setting.network.logits, with: setting.network.input, along: setting.directions)
    let found = try setting.values([product])[0]
    let program = setting.graph.graph(outputs: [setting.network.logits])
    let expected = try FiniteDifferences.directional(
      program, along: [.placeholder("images"): setting.placeholders["directions"]!],
      placeholders: setting.placeholders, parameters: setting.parameters)[0]
    #expect(expected.values.map(abs).max()! > 0.01)
    for (a, b) in zip(found.values, expected.values) { #expect(abs(a - b) < 1e-7) }
    #expect {
      var graph = setting.graph
      _ = try graph.jacobianVectorProduct(
        of: setting.network.logits, with: setting.network.input, along: setting.labels)
    } throws: { "\($0)".hasPrefix("Jacobian-vector product: direction [2, 3] for [2, 4, 4, 2]") }
  }

  /// The work of a Jacobian-vector product is a forward pass: no backward pass stays in the program.
  @Test func jacobianTimesVectorNeedsNoBackwardPass() throws {
    var setting = try Setting(softplus: 2)
    let product = try setting.graph.jacobianVectorProduct(
      of: setting.network.logits, with: setting.network.input, along: setting.directions)
    let program = setting.graph.graph(outputs: [product])
    #expect(!program.nodes.contains { $0.operation is ConvolutionInputGradient })
    #expect(program.nodes.count { $0.operation is Convolution } == 2 + 2)
  }

  @Test func hessianTimesVectorAgreesWithFiniteDifferences() throws {
    var setting = try Setting(softplus: 2)
    let loss = try setting.loss()
    let input = setting.network.input
    let gradient = try setting.graph.gradient(of: loss, with: [input])[0]
    let slope = try setting.graph.sum(
      setting.graph.multiply(gradient, setting.directions))
    let product = try setting.graph.gradient(of: slope, with: [input])[0]
    let found = try setting.values([product])[0]
    let expected = try FiniteDifferences.hessianVectorProduct(
      of: loss, with: input, named: .placeholder("images"),
      times: setting.placeholders["directions"]!, in: setting.graph,
      placeholders: setting.placeholders, parameters: setting.parameters)
    let scale = expected.values.map(abs).max()!
    #expect(scale > 1e-3)
    for (a, b) in zip(found.values, expected.values) { #expect(abs(a - b) < 1e-6 * scale + 1e-9) }
  }

  /// A network of ReLUs is piecewise linear, so the approximation is its Hessian itself. That comes from
  /// differences of its gradient along every axis, its eigenvalue from a long power iteration on it.
  @Test func largestEigenvalueIsThatOfTheExplicitHessian() throws {
    var setting = try Setting()
    let regularizer = SmoothSurface(iterations: 60)
    let eigenvalues = try regularizer.largestEigenvalues(
      of: setting.network, from: setting.directions, in: &setting.graph)
    let mean = try regularizer.penalty(
      of: setting.network, labels: setting.labels, directions: setting.directions,
      in: &setting.graph)
    let found = try setting.values([eigenvalues, mean])
    let loss = try setting.loss()
    let gradient = try setting.graph.gradient(of: loss, with: [setting.network.input])
    let program = setting.graph.graph(outputs: gradient)
    for image in 0..<2 {
      let first = image * Self.image
      let hessian = try (0..<Self.image).map { axis in
        var direction = ReferenceArray(repeating: 0, shape: Self.shape)
        direction.values[first + axis] = 1
        let column = try FiniteDifferences.directional(
          program, along: [.placeholder("images"): direction],
          placeholders: setting.placeholders, parameters: setting.parameters)[0]
        return Array(column.values[first..<first + Self.image])
      }
      var vector = (0..<Self.image).map { 1 + Double($0 % 3) }
      var eigenvalue = 0.0
      for _ in 0..<2000 {
        let next = hessian.map { row in zip(row, vector).reduce(0) { $0 + $1.0 * $1.1 } }
        eigenvalue = next.reduce(0) { $0 + $1 * $1 }.squareRoot()
        vector = next.map { $0 / eigenvalue }
      }
      #expect(eigenvalue > 1e-3)
      let error = abs(found[0].values[image] - eigenvalue)
      #expect(error < 1e-5 * eigenvalue, "\(found[0].values[image]) and \(eigenvalue)")
    }
    #expect(abs(found[1].values[0] - (found[0].values[0] + found[0].values[1]) / 2) < 1e-12)
  }

  /// Few iterations give a lower bound that grows.
  @Test func powerIterationGrowsTowardsTheEigenvalue() throws {
    var last = 0.0
    for iterations in [1, 2, 4, 60] {
      var setting = try Setting()
      let value = try SmoothSurface(iterations: iterations).penalty(
        of: setting.network, labels: setting.labels, directions: setting.directions,
        in: &setting.graph)
      let found = try setting.values([value])[0].values[0]
      #expect(found >= last - 1e-12)
      last = found
    }
  }

  /// SSR's eigenvector is taken as given, which is exact where the power iteration has converged.
  @Test(
    arguments: [
      RegularizerSpecification(name: "ssr", weight: 1, iterations: 60),
      RegularizerSpecification(name: "gradient-norm", weight: 1),
      RegularizerSpecification(name: "curvature", weight: 1, step: 0.05),
      // A derivative of third order.
      RegularizerSpecification(name: "hessian-norm", weight: 1, beta: 2),
    ])
  func penaltiesHaveTheirDerivativesInTheWeights(
    specification: RegularizerSpecification
  ) throws {
    // The curvature of a network without curvature between two points is 0.
    var setting = try Setting(softplus: specification.name == "curvature" ? 2 : nil)
    let regularizer = try specification.regularizer()
    let penalty = try regularizer.penalty(
      of: setting.network, labels: setting.labels,
      directions: regularizer.needsDirections ? setting.directions : nil, in: &setting.graph)
    for name in ["features.0.weight", "classifier.2.weight"] {
      let weight = try #require(setting.network.parameters[name], "no \(name)")
      let gradient = try setting.graph.gradient(of: penalty, with: [weight])[0]
      let found = try setting.values([gradient])[0]
      let program = setting.graph.graph(outputs: [penalty])
      let expected = try FiniteDifferences.gradient(
        of: program, with: .parameter(name), placeholders: setting.placeholders,
        parameters: setting.parameters)
      let scale = expected.values.map(abs).max()!
      #expect(scale > 1e-6)
      for (a, b) in zip(found.values, expected.values) {
        #expect(abs(a - b) < 1e-4 * scale, "\(specification.name), \(name): \(a) and \(b)")
      }
    }
  }

  /// ‖H v‖² by differences of the gradient of a network that has softplus itself.
  @Test func hessianNormIsThatOfDifferencesOfTheGradient() throws {
    var relu = try Setting()
    let penalty = try HessianNorm(beta: 3).penalty(
      of: relu.network, labels: relu.labels, directions: relu.directions, in: &relu.graph)
    let found = try relu.values([penalty])[0].values[0]
    var smooth = try Setting(softplus: 3)
    let score = try smooth.graph.sum(smooth.graph.multiply(smooth.network.logits, smooth.labels))
    let slope = try smooth.graph.gradient(of: score, with: [smooth.network.input])
    let product = try FiniteDifferences.directional(
      smooth.graph.graph(outputs: slope),
      along: [.placeholder("images"): smooth.placeholders["directions"]!],
      placeholders: smooth.placeholders, parameters: smooth.parameters)[0]
    let expected = product.values.reduce(0) { $0 + $1 * $1 } / 2
    #expect(expected > 1e-6)
    #expect(abs(found - expected) < 1e-5 * expected)
  }

  /// Value and derivative from gradients at both points, the one at x being a constant.
  @Test(arguments: [LocalGradientAlignment.Measure.distance, .angle])
  func gradientsNearbyAreComparedWithThoseAtTheImage(
    measure: LocalGradientAlignment.Measure
  ) throws {
    var setting = try Setting(softplus: 2)
    let regularizer = LocalGradientAlignment(measure, step: 0.3)
    let penalty = try regularizer.penalty(
      of: setting.network, labels: setting.labels, directions: setting.directions,
      in: &setting.graph)
    let name = "features.0.weight"
    let weight = try #require(setting.network.parameters[name])
    let gradient = try setting.graph.gradient(of: penalty, with: [weight])[0]
    let found = try setting.values([penalty, gradient])

    var plain = try Setting(softplus: 2)
    let score = try plain.graph.sum(plain.graph.multiply(plain.network.logits, plain.labels))
    let slope = try plain.graph.gradient(of: score, with: [plain.network.input])[0]
    let program = plain.graph.graph(outputs: [slope])
    let images = try #require(plain.placeholders["images"])
    let directions = try #require(plain.placeholders["directions"])
    let moved = ReferenceArray(
      shape: images.shape,
      values: zip(images.values, directions.values).map { $0 + 0.3 * erf($1 / 2.0.squareRoot()) })
    func gradients(
      at points: ReferenceArray, _ parameters: [String: ReferenceArray]
    ) throws -> [ArraySlice<Double>] {
      var placeholders = plain.placeholders
      placeholders["images"] = points
      let values = try ReferenceEvaluator.evaluate(
        program, placeholders: placeholders, parameters: parameters)[0].values
      return [values[..<Self.image], values[Self.image...]]
    }
    let here = try gradients(at: images, plain.parameters)
    func value(_ parameters: [String: ReferenceArray]) throws -> Double {
      let there = try gradients(at: moved, parameters)
      return zip(here, there).reduce(0.0) { sum, pair in
        let (a, b) = pair
        func product(_ x: ArraySlice<Double>, _ y: ArraySlice<Double>) -> Double {
          zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let (aa, bb, ab) = (product(a, a), product(b, b), product(a, b))
        let own =
          measure == .distance ? aa - 2 * ab + bb : (1 - ab / (aa * bb).squareRoot()) / 2
        return sum + own / 2
      }
    }
    let expected = try value(plain.parameters)
    #expect(expected > 1e-6)
    #expect(abs(found[0].values[0] - expected) < 1e-9 * max(1, expected))
    let step = 1e-5
    func shifted(_ position: Int, by distance: Double) -> [String: ReferenceArray] {
      var parameters = plain.parameters
      parameters[name]!.values[position] += distance
      return parameters
    }
    let scale = found[1].values.map(abs).max()!
    #expect(scale > 1e-6)
    for position in stride(from: 0, to: found[1].values.count, by: 7) {
      let difference =
        try (value(shifted(position, by: step)) - value(shifted(position, by: -step))) / (2 * step)
      #expect(abs(found[1].values[position] - difference) < 1e-4 * scale)
    }
  }

  @Test func unknownRegularizersAndOptionsAreNamed() {
    func complaint(_ specification: RegularizerSpecification) -> String {
      do { _ = try specification.regularizer() } catch { return "\(error)" }
      return ""
    }
    #expect(complaint(.init(name: "srr", weight: 1)).contains("did you mean \"ssr\""))
    #expect(complaint(.init(name: "ssr", weight: 1, step: 1)) == "ssr takes no \"step\"")
    #expect(
      complaint(.init(name: "gradient-norm", weight: 1, iterations: 2))
        == "gradient-norm takes no \"iterations\"")
    #expect(complaint(.init(name: "ssr", weight: 1, beta: 1)) == "ssr takes no \"beta\"")
  }
}

/// Numbers in [-1, 1) that are the same in every run.
private struct SmallNumbers {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-52 - 1
  }

  mutating func array(_ shape: Shape, offset: Double = 0) -> ReferenceArray {
    ReferenceArray(
      shape: shape, values: (0..<shape.count).map { _ in offset + 0.8 * next() })
  }
}
