import Checkpoints
import Dispatch
import Explanations
import Foundation
import Geometry
import ImageData
import RunSupport
import TensorRuntime

/// Tangent spaces of training images of one folder: the neighbours of every image are found once
/// and kept.
///
/// Used from the thread of a run alone.
package final class TangentSpaces: TangentSource, @unchecked Sendable {
  /// Bytes of bases that are kept; others are computed anew from the neighbours.
  static let capacity = 1 << 30

  package struct Key: Hashable {
    /// The first 16 bytes of the samples' SHA-256.
    let content: [UInt8]
    let label: Int
    let count: Int
  }
  private struct BasisKey: Hashable {
    let key: Key
    let dimensions: Int
  }

  private let source: any ImageSource
  private let preprocessing: Preprocessing
  private let imageSize: ImageSize
  private let executor: any Executor
  private let threads: Int?
  private let scale: PixelScale
  private var opened: (rows: PixelRows, search: NeighbourSearch)?
  package private(set) var known: [Key: [Int]] = [:]
  private var bases: [BasisKey: [Float]] = [:]
  private var bytes = 0

  /// - Parameters:
  ///   - source: the training images; read with the first tangent space.
  ///   - preprocessing: of the network.
  ///   - imageSize: of its input.
  ///   - executor: on which products of images are computed.
  ///   - threads: that read images.
  package init(
    _ source: any ImageSource, _ preprocessing: Preprocessing, _ imageSize: ImageSize,
    on executor: any Executor, threads: Int?
  ) {
    (self.source, self.preprocessing, self.imageSize) = (source, preprocessing, imageSize)
    (self.executor, self.threads) = (executor, threads)
    scale = PixelScale(preprocessing)
  }

  private func open() throws -> (rows: PixelRows, search: NeighbourSearch) {
    if let opened { return opened }
    let rows = try PixelRows(source, preprocessing, imageSize, threads: threads)
    let made = (rows, NeighbourSearch(rows, on: executor))
    opened = made
    return made
  }

  package func bases(
    of images: [Float], classes: [Int32], neighbours: Int, dimensions: Int
  ) throws -> [Float] {
    let (rows, _) = try open()
    let size = rows.size
    precondition(images.count == classes.count * size, "\(images.count) values")
    let queries = classes.indices.map { scale.samples(images[$0 * size..<($0 + 1) * size]) }
    let keys = zip(queries, classes).map { Self.key($0, Int($1), neighbours) }
    try find(zip(keys, queries).map { (key: $0, samples: $1) })
    var found = keys.map { bases[BasisKey(key: $0, dimensions: dimensions)] }
    let missing = found.indices.filter { found[$0] == nil }
    let made = missing.map { known[keys[$0]]! }
    let spaces = self.spaces(of: made, rows, dimensions)
    for (place, space) in zip(missing, spaces) {
      found[place] = space
      guard bytes < Self.capacity else { continue }
      bytes += space.count * MemoryLayout<Float>.stride
      bases[BasisKey(key: keys[place], dimensions: dimensions)] = space
    }
    return found.flatMap { $0! }
  }

  /// Finds the neighbours of all images of a source, so that none has to be looked for later.
  package func find(
    in source: any ImageSource, neighbours: Int, stop: StopRequest? = nil,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws {
    let (rows, _) = try open()
    let loader = try BatchLoader(
      source, batchSize: 32, preprocessing: preprocessing, order: .evaluation,
      imageSize: imageSize, threads: threads)
    var waiting: [Int: [(key: Key, samples: [UInt8])]] = [:]
    var done = 0
    while let batch = try loader.next() {
      if stop?.isRequested == true { throw RunStopped("stopped while neighbours were looked for") }
      for image in 0..<batch.validCount {
        let samples = scale.samples(batch.images[image * rows.size..<(image + 1) * rows.size])
        let label = Int(batch.labels[image])
        waiting[label, default: []].append((Self.key(samples, label, neighbours), samples))
        if waiting[label]!.count == NeighbourSearch.queryBlock {
          try find(waiting.removeValue(forKey: label)!)
        }
      }
      done += batch.validCount
      progress(done)
    }
    for label in waiting.keys.sorted() { try find(waiting[label]!) }
  }

  private static func key(_ samples: [UInt8], _ label: Int, _ count: Int) -> Key {
    let hash = SHA256Hash()
    samples.withUnsafeBytes { hash.add($0) }
    return Key(content: bytes(ofHex: hash.digest().prefix(32)), label: label, count: count)
  }

  private static func bytes(ofHex text: Substring) -> [UInt8] {
    let digits = Array(text.utf8).map { $0 < 97 ? $0 - 48 : $0 - 87 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// Finds those that are not known yet.
  private func find(_ queries: [(key: Key, samples: [UInt8])]) throws {
    let (rows, search) = try open()
    var asked: [Key: [UInt8]] = [:]
    var order: [Key] = []
    for (key, samples) in queries where known[key] == nil && asked[key] == nil {
      asked[key] = samples
      order.append(key)
    }
    for (label, keys) in Dictionary(grouping: order, by: \.label).sorted(by: { $0.key < $1.key }) {
      let count = keys[0].count
      let members = rows.members[label] ?? []
      let results = try search.nearest(keys.map { asked[$0]! }, among: members, count: count)
      for (key, result) in zip(keys, results) {
        guard result.count == count else {
          // A training image is none of its own neighbours.
          let most = min(result.count, members.count - 1)
          let name = label < source.classNames.count ? " (\(source.classNames[label]))" : ""
          throw RunError(
            "projected: class \(label)\(name) has \(result.count) training images beside the image "
              + "itself, fewer than \(count) neighbours; "
              + (most >= TangentProjection.neighbourRange.lowerBound
                ? "set projected.neighbours to at most \(most)"
                : "give more training images of it"))
        }
        known[key] = result
      }
    }
  }

  /// The bases, each from its neighbours.
  private func spaces(
    of neighbours: [[Int]], _ rows: PixelRows, _ dimensions: Int
  ) -> [[Float]] {
    var results = [[Float]](repeating: [], count: neighbours.count)
    let size = rows.size
    let units = scale.unit
    results.withUnsafeMutableBufferPointer { results in
      rows.samples.withUnsafeBufferPointer { samples in
        // Every worker writes to a place of its own.
        nonisolated(unsafe) let target = results
        nonisolated(unsafe) let pixels = samples
        DispatchQueue.concurrentPerform(iterations: neighbours.count) { place in
          let own = neighbours[place]
          let points = [Float](unsafeUninitializedCapacity: own.count * size) { points, written in
            for (number, row) in own.enumerated() {
              var channel = 0
              for sample in 0..<size {
                points[number * size + sample] =
                  Float(pixels[row * size + sample]) * units[channel]
                channel = channel + 1 == units.count ? 0 : channel + 1
              }
            }
            written = own.count * size
          }
          target[place] = LeadingDirections.of(
            points, count: own.count, size: size, dimensions: dimensions)
        }
      }
    }
    return results
  }

  // MARK: Kept in a file

  /// Says of which images a file's neighbours are.
  package func digest() throws -> String { try open().rows.digest }

  /// What is known, in the order of its keys.
  package func encoded() throws -> Data {
    try KeptNeighbours(digest: digest(), images: open().rows.count, known: known).data
  }

  /// Takes up what a file holds. One that is damaged or of other images gives nothing.
  package func restore(_ data: Data) throws {
    let rows = try open().rows
    guard let kept = KeptNeighbours(data, digest: rows.digest, images: rows.count) else { return }
    for (key, positions) in kept.known
    where positions.allSatisfy({ rows.labels[$0] == key.label }) {
      known[key] = positions
    }
  }
}
