import Explanations
import Manipulation

/// What is done with a batch.
public enum BenchmarkWork: String, Hashable, Sendable, CaseIterable {
  /// A training step of the cross-entropy alone, batch norm frozen as in a fooling.
  case classifier
  /// A training step of cross-entropy + λ·Location(SimpleGrad at the input).
  case simpleGrad = "simple-grad"
  /// A training step of cross-entropy + λ·Location(Grad-CAM).
  case gradCAM = "grad-cam"
  /// A training step of cross-entropy + λ·Location(LRP_T).
  case lrp = "lrp-t"
  /// Logits and Grad-CAM of a batch.
  case evaluation

  /// λ of every penalty.
  public static let lambda = 1.0

  var interpreter: InterpreterSpecification? {
    switch self {
    case .classifier: nil
    case .simpleGrad: InterpreterSpecification(name: "simple-grad")
    case .gradCAM, .evaluation: InterpreterSpecification(name: "grad-cam")
    case .lrp: InterpreterSpecification(name: "lrp-t")
    }
  }

  func interpreter(of network: BenchmarkNetwork) throws -> (any Interpreter)? {
    guard var specification = interpreter else { return nil }
    if self != .simpleGrad { specification.layer = network.targetLayer }
    return try specification.interpreter()
  }
}
