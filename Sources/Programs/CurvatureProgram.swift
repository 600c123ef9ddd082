import Networks
import Recipes
import TensorGraph
import TensorRuntime

/// ∇f and H·v of every image of a batch, f the loss or the logit of a network in which a softplus stands
/// for every ReLU, H = ∂²f/∂x².
public struct CurvatureProgram {
  private static let vectors = "vectors"
  private static let beta = "beta"
  private static let gradient = "gradient"
  private static let product = "product"

  public let program: any Program
  public let batchSize: Int

  public init(
    _ network: LoadedNetwork, of function: CurvedFunction, batchSize: Int,
    policy: ExecutionPolicy = ExecutionPolicy()
  ) throws {
    let policy = policy.keepingParameterWork
    self.batchSize = batchSize
    let architecture = network.architecture
    var graph = GraphBuilder()
    let shape = Shape([batchSize] + architecture.inputShape.dimensions)
    let input = try graph.placeholder(TrainingProgram.images, shape: shape)
    let labels = try graph.placeholder(TrainingProgram.labels, shape: [batchSize], type: .int32)
    let vectors = try graph.placeholder(Self.vectors, shape: shape)
    let beta = try graph.placeholder(Self.beta, shape: .scalar)
    let lowered = try NetworkGraph(
      architecture, input: input, rectifier: .softplus(beta: beta), in: &graph)
    let classes = try graph.oneHot(labels, depth: architecture.classes)
    let rows =
      switch function {
      case .loss: try graph.negate(lowered.logLikelihoods(of: classes, in: &graph))
      case .logit: try graph.multiply(lowered.logits, classes)
      }
    // Images do not interact: the gradient of the sum is that of each.
    let total = try graph.sum(rows)
    let gradient = try graph.gradient(of: total, with: [input])[0]
    let slope = try graph.sum(graph.multiply(gradient, vectors))
    let product = try graph.gradient(of: slope, with: [input])[0]
    program = try network.compile(
      graph.computation([(Self.gradient, gradient), (Self.product, product)]), policy)
  }

  /// - Parameters:
  ///   - images: [batchSize, H, W, C], normalised.
  ///   - labels: one for each image.
  ///   - vectors: of the images' shape.
  ///   - beta: of the softplus in place of ReLU.
  /// - Returns: gradient and product, of the same shape.
  public func run(
    images: [Float], labels: [Int32], vectors: [Float], beta: Double
  ) throws -> (gradient: Tensor, product: Tensor) {
    try program.run([
      TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices(labels),
      Self.vectors: .floats(vectors), Self.beta: .floats([Float(beta)]),
    ])
    return (try program.output(Self.gradient), try program.output(Self.product))
  }
}
