import ImageData
import Pictures

/// Images as a network is given them, each with the class that is explained and its heatmap.
public struct ExplainedImages: Sendable {
  public let size: ImageSize
  public let channels: Int
  /// [N, H, W, C], preprocessed.
  public let samples: [Float]
  /// The class that is explained, by image.
  public let labels: [Int]
  /// Of the size of the images. What is not finite counts as 0.
  public let heatmaps: [Heatmap]
  /// Numbers by which random choices know the images, such as positions in a data set.
  public let identities: [Int]

  /// - Parameters:
  ///   - samples: [N, H, W, C], preprocessed.
  ///   - size: of the images.
  ///   - labels: the class that is explained, by image.
  ///   - heatmaps: resized to the images bilinearly if they are of another size.
  ///   - identities: numbers by which random choices know the images; 0, 1, … if `nil`.
  /// - Precondition: there are as many labels and heatmaps as images, and one image at least.
  public init(
    samples: [Float], size: ImageSize, labels: [Int], heatmaps: [Heatmap], identities: [Int]? = nil
  ) {
    precondition(
      !labels.isEmpty && heatmaps.count == labels.count && size.area > 0
        && samples.count % (labels.count * size.area) == 0 && !samples.isEmpty,
      "\(samples.count) samples, \(labels.count) labels and \(heatmaps.count) heatmaps of \(size)")
    (self.samples, self.size, self.labels) = (samples, size, labels)
    channels = samples.count / (labels.count * size.area)
    self.heatmaps = heatmaps.map { $0.finite.resizedBilinearly(to: size) }
    self.identities = identities ?? Array(labels.indices)
    precondition(self.identities.count == labels.count, "an identity for each image")
  }

  public var count: Int { labels.count }
  /// Samples of an image.
  public var sampleCount: Int { size.area * channels }

  /// The samples of one image, [H, W, C].
  public func samples(of image: Int) -> ArraySlice<Float> {
    samples[image * sampleCount..<(image + 1) * sampleCount]
  }

  /// The darkest sample of an image: Quantus's baseline `black`.
  public func black(of image: Int) -> Float { samples(of: image).min() ?? 0 }

  /// Pixels from the most to the least relevant; of equally relevant ones the first comes first.
  public func pixelsByRelevance(of image: Int) -> [Int] {
    let values = heatmaps[image].values
    return values.indices.sorted {
      values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1
    }
  }

  /// Puts an image where a program reads it.
  func copy(_ image: Int, to target: UnsafeMutableBufferPointer<Float>) {
    samples.withUnsafeBufferPointer { source in
      let begin = image * sampleCount
      _ = target.update(fromContentsOf: source[begin..<begin + sampleCount])
    }
  }
}

/// Versions of images that a network is to be run on, many at once.
public struct PerturbedImages {
  public let count: Int
  let images: ExplainedImages
  let versions: Int
  private let perturb: (_ image: Int, _ version: Int, UnsafeMutableBufferPointer<Float>) -> Void

  /// - Parameters:
  ///   - images: of which there are versions.
  ///   - versions: of each image.
  ///   - perturb: changes the samples of an image, [H, W, C], which it finds as they were.
  public init(
    of images: ExplainedImages, versions: Int,
    perturb: @escaping (_ image: Int, _ version: Int, UnsafeMutableBufferPointer<Float>) -> Void =
      { _, _, _ in }
  ) {
    (self.images, self.versions, self.perturb) = (images, versions, perturb)
    count = images.count * versions
  }

  /// Samples of one version.
  public var sampleCount: Int { images.sampleCount }
  /// The class that is explained.
  public func label(_ index: Int) -> Int { images.labels[index / versions] }
  /// The number by which a sampling interpreter knows the image.
  public func identity(_ index: Int) -> Int { images.identities[index / versions] }

  /// Puts a version, [H, W, C], where a program reads it.
  public func write(_ index: Int, to target: UnsafeMutableBufferPointer<Float>) {
    let (image, version) = index.quotientAndRemainder(dividingBy: versions)
    images.copy(image, to: target)
    perturb(image, version, target)
  }
}
