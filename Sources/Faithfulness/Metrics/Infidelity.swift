import ImageData
import Perturbation

/// How far is what a heatmap predicts from what the network loses?
///
/// Mean over k of (f(x) − f(x_k) − Σ_i h_i·(x − x_k)_i)², f the logit of the label, x_k the image whose first
/// k patches, row by row, are as dark as its darkest sample. At least 0, lower is better, in units of
/// squared logits: it depends on the scale of the heatmaps. Yeh et al. 2019; Quantus's `Infidelity`.
/// - Note: Quantus repeats this `n_perturb_samples` times; with a baseline that is not random all are the
///   same, so once is enough. Where patches do not fit into the image it fails; here the last ones are cut
///   off.
public struct Infidelity: HeatmapMetric {
  public static let standardPatch = 4  // Quantus

  /// Side of a patch in pixels.
  public let patch: Int

  public init(patch: Int = standardPatch) { self.patch = patch }

  public func cost(_ size: ImageSize, layers: Int) -> MetricCost {
    MetricCost(classifications: RegionGrid(imageSize: size, regionSize: patch).count + 1)
  }

  public func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult {
    let grid = RegionGrid(imageSize: images.size, regionSize: patch)
    let black = (0..<images.count).map(images.black)
    let channels = images.channels
    func eachRow(of patch: Int, _ body: (Range<Int>) -> Void) {
      let (rows, columns) = grid.pixels(of: patch)
      for row in rows {
        let begin = row * images.size.width
        body(begin + columns.lowerBound..<begin + columns.upperBound)
      }
    }
    let versions = PerturbedImages(of: images, versions: grid.count + 1) { image, count, samples in
      for patch in 0..<count {
        eachRow(of: patch) { pixels in
          for sample in pixels.lowerBound * channels..<pixels.upperBound * channels {
            samples[sample] = black[image]
          }
        }
      }
    }
    var logits: [Double] = []
    try network.classify(versions) { logits.append($1.logit) }
    let scores = (0..<images.count).map { image -> Double in
      let samples = images.samples(of: image)
      let map = images.heatmaps[image].values
      let own = logits[image * (grid.count + 1)..<(image + 1) * (grid.count + 1)]
      var (predicted, sum) = (0.0, 0.0)
      for patch in 0..<grid.count {
        eachRow(of: patch) { pixels in
          for pixel in pixels {
            for channel in 0..<channels {
              let sample = samples[samples.startIndex + pixel * channels + channel]
              predicted += Double(map[pixel]) * Double(sample - black[image])
            }
          }
        }
        let lost = own[own.startIndex] - own[own.startIndex + patch + 1]
        sum += (lost - predicted) * (lost - predicted)
      }
      return sum / Double(grid.count)
    }
    return MetricResult(scores)
  }
}
