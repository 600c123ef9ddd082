import Attacks
import ImageData
import Programs
import Recipes
import RunSupport
import Runs

/// Changes an image so that the training images that were the most helpful lose their influence.
final class InfluenceAttack {
  package let model: any InfluenceModel
  package let preprocessing: Preprocessing
  private let section: InfluenceSection
  private let derivatives: WeightDerivatives
  private let normalizer: Normalizer

  package init(
    _ network: LoadedNetwork, _ model: any InfluenceModel, _ section: InfluenceSection,
    imageSize: ImageSize, compute: ComputeSection
  ) throws {
    (self.model, self.section, preprocessing) = (model, section, network.preprocessing)
    derivatives = try WeightDerivatives(
      network, layers: model.layers, batchSize: 1, policy: compute.evaluationPolicy)
    precondition(derivatives.count == model.weightCount, "the same weights in the same order")
    normalizer = Normalizer(network.preprocessing)
  }

  /// ∂/∂x Σ_i I(z_i, x) in the image's own samples: I = −⟨∇ℓ(x), u⟩ with u = (H + δI)⁻¹ Σ_i ∇ℓ(z_i).
  package func direction(_ picture: Image, label: Int, _ solved: [Double]) throws -> [Float] {
    let derivative = try derivatives.imageDerivative(
      images: normalizer(picture), labels: [Int32(label)], valid: 1, along: solved)
    return normalizer.derivativeInSamples(derivative[...]).map { -$0 }
  }

  /// ±1 at random: a function of the seed and the image.
  package func randomSigns(of picture: Image, position: Int) -> [Float] {
    var random = RandomGenerator(seed: section.seed, position)
    return picture.pixels.map { _ in random.integer(below: 2) == 0 ? -1 : 1 }
  }

  /// x₀ + ε·sign(direction) within the range of pixels, in 8 bits.
  package func step(_ picture: Image, along direction: [Float], _ epsilon: Double) -> Image {
    let ball = PixelBall(radius: epsilon)
    var samples = picture.pixels.map(Float.init)
    ball.step(&samples, along: direction[...], stepSize: epsilon, around: picture.pixels)
    return Image(
      width: picture.width, height: picture.height,
      pixels: ball.rounded(samples, around: picture.pixels))
  }
}

extension Setup {
  /// - Parameters:
  ///   - source: the training images whose influence is estimated.
  ///   - progress: called with the number of images that were read.
  func influenceModel(
    _ recipe: InfluenceRecipe, of source: any ImageSource, stop: StopRequest,
    progress: (_ done: Int) -> Void
  ) throws -> any InfluenceModel {
    let batch = recipe.evaluation.batchSize
    if let layers = recipe.influence.layers {
      return try LayerInfluence(
        network, layers: layers, recipe.influence, source: source, imageSize: imageSize,
        batchSize: batch, compute: recipe.compute, stop: stop, progress: progress)
    }
    return try LastLayerInfluence(
      network, recipe.influence, source: source, imageSize: imageSize, batchSize: batch,
      threads: recipe.data.threads, compute: recipe.compute, stop: stop, progress: progress)
  }
}
