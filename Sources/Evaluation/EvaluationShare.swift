import Foundation
import ImageData
import Programs
import RunSupport
import TensorRuntime

/// The images that one of several processes evaluates: equal parts, in order.
struct EvaluationShare {
  let group: any ProcessGroup
  let source: Subset
  /// Files that are no images, which each process sees.
  let passedOver: [SkippedImage]
  /// In the whole.
  private let first: Int

  init(of whole: any ImageSource, in group: any ProcessGroup) {
    self.group = group
    first = group.rank * whole.count / group.count
    source = Subset(
      whole, indices: Array(first..<(group.rank + 1) * whole.count / group.count))
    passedOver = whole.passedOver
  }

  /// Where images of the share stand in the whole.
  func positions(_ places: [Int]) -> [Int] { places.map { first + $0 } }
}

/// What one process has counted, and then all.
struct Tally: Codable {
  var result: EvaluationResult
  var hits1: Int
  var hits5: Int
  var loss: Double
  private var isStopped = false

  init(result: EvaluationResult, hits1: Int, hits5: Int, loss: Double) {
    (self.result, self.hits1, self.hits5, self.loss) = (result, hits1, hits5, loss)
  }

  /// Takes up what the other processes have counted; images come in the order of the whole.
  /// - Throws: `RunStopped` in all of them if one is to stop.
  mutating func join(_ share: EvaluationShare, isStopped: Bool) throws {
    self.isStopped = isStopped
    result.skipped = result.skipped.map { image in
      SkippedImage(
        index: image.index.map { share.positions([$0])[0] }, name: image.name,
        reason: image.reason)
    }
    // Heatmaps may be all that there is of the images: they go as they are, and the rest as text.
    let maps = MapTable(result.digests.merging(["": result.outputs]) { first, _ in first })
    (result.digests, result.outputs) = ([:], [:])
    let tallies = try share.group.gather(values: self)
    if tallies.contains(where: \.isStopped) { throw RunStopped("stopped during evaluation") }
    let tables = try share.group.gather(try maps.bytes).map { try MapTable($0).maps }
    hits1 = tallies.reduce(0) { $0 + $1.hits1 }
    hits5 = tallies.reduce(0) { $0 + $1.hits5 }
    loss = tallies.reduce(0) { $0 + $1.loss }
    result = EvaluationResult(joining: tallies.map(\.result))
    result.skipped = share.passedOver + result.skipped
    for table in tables {
      for (name, maps) in table {
        if name.isEmpty {
          result.outputs.merge(maps) { first, _ in first }
        } else {
          result.digests[name, default: [:]].merge(maps) { first, _ in first }
        }
      }
    }
  }
}

/// Floats by name and position, as bytes.
struct MapTable {
  private struct Entry: Codable {
    let name: String
    let positions: [Int]
    let counts: [Int]
  }

  let maps: [String: [Int: [Float]]]

  init(_ maps: [String: [Int: [Float]]]) { self.maps = maps }

  /// The number of bytes that say what there is, those, and the floats.
  var bytes: [UInt8] {
    get throws {
      let entries = maps.keys.sorted().map { name -> Entry in
        let positions = maps[name]!.keys.sorted()
        return Entry(
          name: name, positions: positions, counts: positions.map { maps[name]![$0]!.count })
      }
      let list = try JSONEncoder().encode(entries)
      var bytes: [UInt8] = []
      withUnsafeBytes(of: Int64(list.count).littleEndian) { bytes += $0 }
      bytes += list
      for entry in entries {
        for position in entry.positions {
          maps[entry.name]![position]!.withUnsafeBytes { bytes += $0 }
        }
      }
      return bytes
    }
  }

  /// - Throws: `RunError` if another has written it.
  init(_ bytes: [UInt8]) throws {
    func check(_ isSo: Bool) throws {
      guard isSo else {
        throw RunError("a process sends other results than this one; start all with one version")
      }
    }
    let header = MemoryLayout<Int64>.size
    try check(bytes.count >= header)
    let length = Int(
      bytes.withUnsafeBytes { Int64(littleEndian: $0.loadUnaligned(as: Int64.self)) })
    try check(length >= 0 && length <= bytes.count - header)
    let entries = try JSONDecoder().decode(
      [Entry].self, from: Data(bytes[header..<header + length]))
    var (maps, place): ([String: [Int: [Float]]], Int) = ([:], header + length)
    for entry in entries {
      try check(entry.positions.count == entry.counts.count)
      maps[entry.name] = [:]
      for (position, count) in zip(entry.positions, entry.counts) {
        try check(count >= 0 && count <= (bytes.count - place) / MemoryLayout<Float>.size)
        let end = place + count * MemoryLayout<Float>.size
        maps[entry.name]![position] = [Float](unsafeUninitializedCapacity: count) { target, used in
          UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes[place..<end])
          used = count
        }
        place = end
      }
    }
    self.maps = maps
  }
}

extension EvaluationResult {
  /// Results of parts of the images, as one; without digests and outputs.
  fileprivate init(joining parts: [EvaluationResult]) {
    // What every image has stands in the order of the images, and so do the parts.
    self = parts[0]
    for part in parts.dropFirst() {
      images += part.images
      predictions += part.predictions
      skipped += part.skipped
      explained += part.explained
      testLosses.merge(part.testLosses, uniquingKeysWith: +)
      relevanceInside.merge(part.relevanceInside, uniquingKeysWith: +)
      vanished.merge(part.vanished, uniquingKeysWith: +)
      nonFiniteMaps.merge(part.nonFiniteMaps, uniquingKeysWith: +)
      targetLikeness.merge(part.targetLikeness, uniquingKeysWith: +)
      originalLikeness.merge(part.originalLikeness, uniquingKeysWith: +)
      for (name, maps) in part.comparedMaps {
        comparedMaps[name, default: [:]].merge(maps) { first, _ in first }
      }
    }
  }
}
