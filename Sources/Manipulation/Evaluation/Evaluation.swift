import Explanations
import Foundation
import ImageData

/// What to compare: two checkpoints of one architecture on one set of images.
public struct EvaluationRequest: Sendable {
  public enum Images: Hashable, Sendable {
    /// A folder with one folder per class.
    case folder(String)
    /// The validation split of the built-in set.
    case shapes(count: Int, seed: UInt64)
  }
  /// The manipulated network's file; overrides as in a recipe.
  public var network: NetworkSection
  /// The original network's file.
  public var original: String
  public var images: Images
  public var fooling: FoolingSpecification
  public var interpreters: [InterpreterSpecification]
  public var batchSize: Int
  public var compute: ComputeSection

  public init(
    network: NetworkSection, original: String, images: Images, fooling: FoolingSpecification,
    interpreters: [InterpreterSpecification], batchSize: Int = 16,
    compute: ComputeSection = ComputeSection()
  ) {
    (self.network, self.original, self.images) = (network, original, images)
    (self.fooling, self.interpreters) = (fooling, interpreters)
    (self.batchSize, self.compute) = (batchSize, compute)
  }
}

/// Measures a manipulated network against the original, with the numbers that a fooling run reports.
public enum Evaluation {
  public static func run(
    _ request: EvaluationRequest, stop: StopRequest = StopRequest(),
    observe: (RunEvent) -> Void = { _ in }
  ) throws -> Summary {
    let begin = ContinuousClock.now
    guard !request.interpreters.isEmpty else {
      throw RunError("no interpreter is given, so there is no heatmap to test")
    }
    let interpreters = try reported(request.interpreters)
    let fooling = try request.fooling.fooling()
    var results: [EvaluationResult] = []
    for (purpose, path) in [
      ("original", request.original), ("manipulated", request.network.checkpoint),
    ] {
      var section = request.network
      section.checkpoint = path
      let network = try request.images.network(section)
      let source = try request.images.source(classNames: network.classNames)
      try source.checkLabels(classes: network.architecture.classes)
      let program = try EvaluationProgram(
        network, interpreters: interpreters, fooling: fooling, batchSize: request.batchSize,
        options: request.compute.options)
      let size = network.architecture.inputShape
      let evaluator = Evaluator(
        program: program, preprocessing: network.preprocessing,
        imageSize: ImageSize(width: size[1], height: size[0]), threads: nil)
      results.append(
        try evaluator.evaluate(source, stop: stop) {
          observe(.evaluating(purpose: purpose, done: $0, total: source.count))
        })
      for image in results.last!.skipped where purpose == "original" {
        observe(.warning("\(image.name) is left out: \(image.reason)"))
      }
    }
    let seconds = (ContinuousClock.now - begin).seconds
    return Summary(
      original: results[0], manipulated: results[1], fooling: fooling,
      interpreter: interpreters[0].name, seconds: seconds)
  }
}

extension EvaluationRequest.Images {
  fileprivate func source(classNames: [String]?) throws -> any ImageSource {
    switch self {
    case .folder(let path): try ImageFolder(path, classNames: classNames)
    case .shapes(let count, let seed): ShapesDataset(count: count, seed: seed, split: .validation)
    }
  }

  fileprivate func network(_ section: NetworkSection) throws -> LoadedNetwork {
    try LoadedNetwork(section) { try source(classNames: nil).preparedSize($0) }
  }
}
