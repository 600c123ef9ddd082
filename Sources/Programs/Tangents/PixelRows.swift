import Checkpoints
import ImageData
import RunSupport

/// What a network sees of an image, before it is normalised: 8 bits a sample.
struct PixelScale {
  /// By channel of the network: sample = value·scale + shift.
  private let scale: [Float]
  private let shift: [Float]
  /// A sample's unit in the network's input, by channel.
  let unit: [Float]
  var channels: Int { scale.count }

  init(_ preprocessing: Preprocessing) {
    scale = preprocessing.standardDeviation.map { $0 * 255 }
    shift = preprocessing.mean.map { $0 * 255 }
    unit = preprocessing.standardDeviation.map { 1 / (255 * $0) }
  }

  /// Of normalised values, rounded to whole numbers in [0, 255]: what 8-bit images were, and the nearest
  /// for others.
  func samples(_ values: ArraySlice<Float>) -> [UInt8] {
    let channels = channels
    return [UInt8](unsafeUninitializedCapacity: values.count) { target, written in
      var channel = 0
      values.withUnsafeBufferPointer { values in
        for place in values.indices {
          let sample = (values[place] * scale[channel] + shift[channel]).rounded()
          // NaN becomes 0.
          target[place] = sample > 0 ? UInt8(min(sample, 255)) : 0
          channel = channel + 1 == channels ? 0 : channel + 1
        }
      }
      written = values.count
    }
  }
}

/// Training images in memory, as the network sees them: 8 bits a sample.
package struct PixelRows {
  /// Beyond this a folder is not read.
  static let capacity = 8 << 30

  /// Of one image.
  let size: Int
  package private(set) var samples: [UInt8] = []
  private(set) var labels: [Int] = []
  /// By class, in the order of the source.
  package private(set) var members: [Int: [Int]] = [:]
  /// Squared length of each image less 128.
  private(set) var squares: [Double] = []
  /// SHA-256 over all samples and labels.
  let digest: String

  /// - Throws: `RunError` if they are too many; what keeps them from being read.
  package init(
    _ source: any ImageSource, _ preprocessing: Preprocessing, _ imageSize: ImageSize,
    threads: Int?
  ) throws {
    size = imageSize.area * preprocessing.channels
    let (bytes, isTooLarge) = size.multipliedReportingOverflow(by: source.count)
    guard !isTooLarge, bytes <= Self.capacity else {
      throw RunError(
        "projected: \(grouped(source.count)) training images of \(imageSize) take "
          + "\(isTooLarge ? "too many" : "\(bytes >> 30)") GiB, and \(Self.capacity >> 30) are held at "
          + "most; name a folder with fewer of them: projected.images")
    }
    samples.reserveCapacity(bytes)
    let scale = PixelScale(preprocessing)
    let loader = try BatchLoader(
      source, batchSize: 32, preprocessing: preprocessing, order: .evaluation,
      imageSize: imageSize, threads: threads)
    let hash = SHA256Hash()
    while let batch = try loader.next() {
      for image in 0..<batch.validCount {
        let row = scale.samples(batch.images[image * size..<(image + 1) * size])
        let label = Int(batch.labels[image])
        row.withUnsafeBytes { hash.add($0) }
        withUnsafeBytes(of: Int64(label).littleEndian) { hash.add($0) }
        members[label, default: []].append(labels.count)
        labels.append(label)
        squares.append(Self.square(row))
        samples += row
      }
    }
    digest = hash.digest()
  }

  static func square(_ row: [UInt8]) -> Double {
    Double(row.reduce(0) { $0 + (Int($1) - 128) * (Int($1) - 128) })
  }

  var count: Int { labels.count }
}

/// Σ (a − b)², exact.
package func squaredDistance(
  _ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int
) -> Int {
  // So many squares of 255 fit into 32 bits, which vectors of four hold.
  let block = 32_768
  var total = 0
  var start = 0
  while start < count {
    let end = min(start + block, count)
    var sum: Int32 = 0
    for place in start..<end {
      let difference = Int32(a[place]) &- Int32(b[place])
      sum &+= difference &* difference
    }
    total += Int(sum)
    start = end
  }
  return total
}
