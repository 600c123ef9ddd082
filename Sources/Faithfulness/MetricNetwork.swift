import Pictures

/// A network as metrics see it: what runs it is no matter of theirs.
public protocol MetricNetwork: AnyObject {
  /// Runs all versions, as many at once as a program holds, and gives each one's output in order.
  func classify(
    _ images: PerturbedImages, each: (_ index: Int, _ output: LabelOutput) throws -> Void) throws

  /// Heatmaps of all versions for their labels, in order, of any size.
  func explain(
    _ images: PerturbedImages, each: (_ index: Int, _ heatmap: Heatmap) throws -> Void) throws

  /// The layers that have parameters, the first to read the input first.
  var layers: [String] { get }

  /// Gives the parameters of a layer random values; those of others stay as they are.
  func randomise(_ layer: String) throws

  /// Takes back every `randomise`.
  func restore() throws
}

/// What a network gives for the class that is explained.
public struct LabelOutput: Hashable, Sendable {
  public let logit: Double
  /// In [0, 1].
  public let probability: Double
  /// Whether it is the class of the largest logit, the first of equals.
  public let isPredicted: Bool

  public init(logit: Double, probability: Double, isPredicted: Bool) {
    (self.logit, self.probability, self.isPredicted) = (logit, probability, isPredicted)
  }
}

extension MetricNetwork {
  /// Runs something on the network with random parameters and takes them back, whatever happens.
  func randomised<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      let result = try body()
      try restore()
      return result
    } catch {
      try restore()
      throw error
    }
  }
}
