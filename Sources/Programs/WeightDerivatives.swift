import Networks
import RunSupport
import TensorGraph
import TensorRuntime

/// Derivatives of the cross-entropy ℓ of images in chosen weights w of a network, its batch norms
/// frozen.
///
/// With marks m that choose images, S(w, x) = ⟨∇_w Σ_n m_n·ℓ(x_n), v⟩: H·v is ∂S/∂w, and ∂S/∂x says how an
/// image would have to change. Slopes ⟨∇_w ℓ(x_n), v⟩ are (softmax − one-hot)·(∂logits/∂w·v), a forward pass
/// and the rest in double precision. Each is compiled on first use.
///
/// Vectors are the parameters one after the other, each in its own order.
public final class WeightDerivatives {
  private enum Part { case gradient, slopes, product, images }
  private static let marks = "marks"

  public let batchSize: Int
  public let parameters: [NetworkParameter]
  /// Numbers of a vector.
  public let count: Int
  private let network: LoadedNetwork
  private let policy: ExecutionPolicy
  private var programs: [Part: any Program] = [:]

  /// - Parameters:
  ///   - network: whose weights they are.
  ///   - layers: names of layers with parameters, of which those that train are the weights.
  ///   - batchSize: images in a pass.
  ///   - policy: of the executor.
  /// - Throws: `RunError` for a name that no layer with parameters has.
  public init(
    _ network: LoadedNetwork, layers: [String], batchSize: Int,
    policy: ExecutionPolicy = ExecutionPolicy()
  ) throws {
    let all = network.architecture.parameters.filter(\.isTrainable)
    for layer in layers where !all.contains(where: { $0.layer == layer }) {
      var names: [String] = []
      for parameter in all where names.last != parameter.layer { names.append(parameter.layer) }
      throw RunError(
        "\(network.architecture.name) has no layer \"\(layer)\" with weights: "
          + NameSuggestions.sentence(for: layer, among: names))
    }
    parameters = all.filter { layers.contains($0.layer) }
    count = parameters.reduce(0) { $0 + $1.shape.count }
    let policy = policy.keepingParameterWork
    (self.network, self.batchSize, self.policy) = (network, batchSize, policy)
  }

  private func program(_ part: Part) throws -> any Program {
    if let program = programs[part] { return program }
    let architecture = network.architecture
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      TrainingProgram.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let labels = try graph.placeholder(TrainingProgram.labels, shape: [batchSize], type: .int32)
    let marks = try graph.placeholder(Self.marks, shape: [batchSize, 1])
    let lowered = try NetworkGraph(architecture, input: input, in: &graph)
    let classes = try graph.oneHot(labels, depth: architecture.classes)
    let likelihoods = try lowered.logLikelihoods(of: classes, in: &graph)
    let loss = try graph.negate(graph.sum(graph.multiply(marks, likelihoods)))
    let weights = try parameters.map { parameter in
      guard let value = lowered.parameters[parameter.name] else {
        throw RunError("\(architecture.name) does not use \(parameter.name)")
      }
      return value
    }
    /// ⟨derivatives, v⟩
    func slope(_ derivatives: [Value]) throws -> Value {
      var sum: Value?
      for (parameter, derivative) in zip(parameters, derivatives) {
        let vector = try graph.placeholder(
          Self.vector(parameter), shape: parameter.shape)
        let term = try graph.sum(graph.multiply(derivative, vector))
        sum = try sum.map { try graph.add($0, term) } ?? term
      }
      return sum!
    }
    let outputs: [(String, Value)]
    func named(_ derivatives: [Value]) -> [(String, Value)] {
      zip(parameters, derivatives).map { (Self.derivative($0), $1) }
    }
    switch part {
    case .gradient: outputs = named(try graph.gradient(of: loss, with: weights))
    case .slopes:
      // As in `jacobianVectorProduct`, for several variables.
      let seed = try graph.constant(Tensor(repeating: 0, shape: lowered.logits.shape))
      let pulled = try graph.gradient(of: lowered.logits, with: weights, seed: seed)
      outputs = [
        (Self.logits, lowered.logits),
        (Self.changes, try graph.gradient(of: slope(pulled), with: [seed])[0]),
      ]
    case .product:
      let gradient = try graph.gradient(of: loss, with: weights)
      outputs = named(try graph.gradient(of: slope(gradient), with: weights))
    case .images:
      let gradient = try graph.gradient(of: loss, with: weights)
      outputs = [(Self.change, try graph.gradient(of: slope(gradient), with: [input])[0])]
    }
    let program = try network.compile(graph.computation(outputs), policy)
    programs[part] = program
    return program
  }

  private static func vector(_ parameter: NetworkParameter) -> String { "vector." + parameter.name }
  private static func derivative(_ parameter: NetworkParameter) -> String {
    "derivative." + parameter.name
  }
  private static let logits = "logits"
  private static let changes = "logits.changes"
  private static let change = "images.change"

  /// - Parameter valid: how many of the images count; the first ones.
  private func run(
    _ part: Part, _ images: [Float], _ labels: [Int32], valid: Int, along vector: [Double]? = nil
  ) throws -> any Program {
    var inputs: [String: ProgramInput] = [
      TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices(labels),
      Self.marks: .floats((0..<batchSize).map { $0 < valid ? 1 : 0 }),
    ]
    if let vector {
      precondition(vector.count == count, "\(vector.count) numbers for \(count) weights")
      var begin = 0
      for parameter in parameters {
        let end = begin + parameter.shape.count
        inputs[Self.vector(parameter)] = .floats(vector[begin..<end].map { Float($0) })
        begin = end
      }
    }
    let program = try program(part)
    try program.run(inputs)
    return program
  }

  private func joined(_ program: any Program) throws -> [Double] {
    try parameters.flatMap { try program.output(Self.derivative($0)).values.map(Double.init) }
  }

  /// ∇_w Σ ℓ over the first `valid` images.
  public func gradient(images: [Float], labels: [Int32], valid: Int) throws -> [Double] {
    try joined(run(.gradient, images, labels, valid: valid))
  }

  /// ⟨∇_w ℓ(x_n), v⟩ of each of the first `valid` images.
  public func slopes(
    images: [Float], labels: [Int32], valid: Int, along vector: [Double]
  ) throws -> [Double] {
    let program = try run(.slopes, images, labels, valid: valid, along: vector)
    let (logits, changes) = (try program.output(Self.logits), try program.output(Self.changes))
    let classes = logits.shape[1]
    return (0..<valid).map { row in
      let part = row * classes..<(row + 1) * classes
      let output = network.architecture.output
      var excess = Classification(logits: logits.values[part], output).confidences
      excess[Int(labels[row])] -= 1
      // The loss of labels is a mean over them.
      if output == .labels { excess = excess.map { $0 / Double(classes) } }
      return zip(excess, changes.values[part]).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
  }

  /// H·v, H the Hessian of Σ ℓ over the first `valid` images.
  public func product(
    images: [Float], labels: [Int32], valid: Int, _ vector: [Double]
  ) throws -> [Double] {
    try joined(run(.product, images, labels, valid: valid, along: vector))
  }

  /// ∂⟨∇_w ℓ(x_n), v⟩/∂x_n of every image, [batchSize, H, W, C]; 0 beyond the first `valid`.
  public func imageDerivative(
    images: [Float], labels: [Int32], valid: Int, along vector: [Double]
  ) throws -> [Float] {
    try run(.images, images, labels, valid: valid, along: vector)
      .output(Self.change).values
  }
}
