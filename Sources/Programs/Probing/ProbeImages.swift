import Foundation
import ImageData
import RunSupport

/// Images in memory as the network takes them, with their labels.
package struct ProbeImages {
  /// In the source, by image.
  package private(set) var positions: [Int] = []
  package private(set) var labels: [Int] = []
  /// Normalised samples of all images, one after the other.
  package private(set) var samples: [Float] = []
  package let imageSize: ImageSize
  /// Samples of an image.
  package let sampleCount: Int
  package private(set) var skipped: [SkippedImage] = []

  package var count: Int { labels.count }

  /// - Parameters:
  ///   - source: all images.
  ///   - positions: which of them are read.
  ///   - network: says how they are prepared.
  ///   - stop: ends it early, by `RunStopped`.
  package init(
    _ source: any ImageSource, positions: [Int], for network: LoadedNetwork, stop: StopRequest
  ) throws {
    let shape = network.architecture.inputShape
    imageSize = ImageSize(width: shape[1], height: shape[0])
    sampleCount = shape.count
    guard !positions.isEmpty else { return }
    let part = Subset(source, indices: positions)
    let loader = try BatchLoader(
      part, batchSize: min(32, positions.count), preprocessing: network.preprocessing,
      order: .evaluation, imageSize: imageSize)
    while let batch = try loader.next() {
      if stop.isRequested { throw RunStopped("stopped while images were read") }
      for image in 0..<batch.validCount {
        self.positions.append(positions[batch.indices[image]])
        labels.append(Int(batch.labels[image]))
      }
      samples += batch.images[..<(batch.validCount * sampleCount)]
    }
    skipped = loader.skipped
  }

  /// Samples of a batch of images in any order, filled up with zeros.
  package func batch(_ images: some Collection<Int>, size: Int) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(size * sampleCount)
    for image in images { result += samples[image * sampleCount..<(image + 1) * sampleCount] }
    result += [Float](repeating: 0, count: (size - images.count) * sampleCount)
    return result
  }

  package func labels(_ images: some Collection<Int>, size: Int) -> [Int32] {
    images.map { Int32(labels[$0]) } + [Int32](repeating: 0, count: size - images.count)
  }

  /// Positions of images in consecutive batches.
  package func batches(of size: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
  }
}
