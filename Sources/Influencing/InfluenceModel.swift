import ImageData
import Influence
import Recipes
import RunSupport

/// What influences of training images are computed from: derivatives of the cross-entropy ℓ in some of
/// the network's weights, and the Hessian H of its mean over the training images, damped by δ.
protocol InfluenceModel: AnyObject {
  /// Names of the layers whose weights these are.
  var layers: [String] { get }
  var weightCount: Int { get }
  /// Whether systems are solved by a factorised Hessian.
  var isDirect: Bool { get }
  /// Training images that were read, as positions in their source.
  var positions: [Int] { get }
  var skipped: [SkippedImage] { get }

  /// ∇ℓ at an image that need not be one of the training images.
  func gradient(_ picture: Image, label: Int) throws -> [Double]
  /// Σ ∇ℓ over some of the training images.
  /// - Parameter places: in `positions`.
  func gradient(ofTraining places: [Int]) throws -> [Double]
  /// ⟨∇ℓ(z_i), v⟩ for every training image.
  func slopes(along vector: [Double]) throws -> [Double]
  /// H·v.
  func product(_ vector: [Double]) throws -> [Double]
  /// (H + δI)⁻¹·b.
  func solve(_ b: [Double]) throws -> InfluenceSolution
}

struct InfluenceSolution {
  package var vector: [Double]
  /// Products with the Hessian that it took; 0 for a direct solution.
  package var products = 0
  /// ‖b − (H + δI)·x‖ / ‖b‖ where it is known.
  package var residual = 0.0
}

/// (H + δI)⁻¹·b by conjugate gradients.
func conjugateGradients(
  _ b: [Double], _ section: InfluenceSection, product: ([Double]) throws -> [Double]
) throws -> InfluenceSolution {
  var solver = ConjugateGradients(b, tolerance: section.tolerance)
  while !solver.isComplete, solver.count < section.iterations {
    let vector = solver.vector
    solver.advance(zip(try product(vector), vector).map { $0 + section.damping * $1 })
  }
  if let curvature = solver.negativeCurvature {
    throw RunError(
      "the Hessian with influence.damping \(short(section.damping)) has a direction of curvature "
        + "\(short(curvature)), so there is no minimum to leave; set influence.damping above "
        + short(section.damping - curvature))
  }
  return InfluenceSolution(
    vector: solver.solution, products: solver.count, residual: solver.relativeResidual)
}
