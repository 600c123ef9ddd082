import Checkpoints
import Foundation

/// Neighbours as they are kept in the folder of a run: a line of text, entries of fixed order, and a
/// SHA-256 over both.
struct KeptNeighbours {
  private static let magic = Data("trompe neighbours 1\n".utf8)
  private static let contentBytes = 16

  let digest: String
  let images: Int
  let known: [TangentSpaces.Key: [Int]]

  init(digest: String, images: Int, known: [TangentSpaces.Key: [Int]]) {
    (self.digest, self.images, self.known) = (digest, images, known)
  }

  var data: Data {
    var data = Self.magic + Data(digest.utf8)
    func append(_ number: Int) {
      withUnsafeBytes(of: UInt32(number).littleEndian) { data.append(contentsOf: $0) }
    }
    let ordered = known.sorted { a, b in
      let (first, second) = ((a.key.label, a.key.count), (b.key.label, b.key.count))
      return first != second
        ? first < second : a.key.content.lexicographicallyPrecedes(b.key.content)
    }
    append(ordered.count)
    for (key, positions) in ordered {
      data.append(contentsOf: key.content)
      append(key.label)
      append(key.count)
      positions.forEach(append)
    }
    return data + Data(Self.checksum(data).utf8)
  }

  /// `nil` if it is damaged, or of other images.
  init?(_ data: Data, digest: String, images: Int) {
    let checksumBytes = 64
    let head = Self.magic + Data(digest.utf8)
    guard data.count >= head.count + 4 + checksumBytes, data.starts(with: head) else { return nil }
    let body = data.dropLast(checksumBytes)
    guard Data(Self.checksum(Data(body)).utf8) == data.suffix(checksumBytes) else { return nil }
    var bytes = body.dropFirst(head.count)
    func number() -> Int? {
      guard bytes.count >= 4 else { return nil }
      let value = bytes.prefix(4).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
      bytes = bytes.dropFirst(4)
      return value
    }
    guard let entries = number() else { return nil }
    var known: [TangentSpaces.Key: [Int]] = [:]
    for _ in 0..<entries {
      guard bytes.count >= Self.contentBytes else { return nil }
      let content = Array(bytes.prefix(Self.contentBytes))
      bytes = bytes.dropFirst(Self.contentBytes)
      guard let label = number(), let count = number(), bytes.count >= 4 * count else { return nil }
      var positions: [Int] = []
      for _ in 0..<count {
        guard let position = number(), position < images else { return nil }
        positions.append(position)
      }
      known[TangentSpaces.Key(content: content, label: label, count: count)] = positions
    }
    guard bytes.isEmpty else { return nil }
    (self.digest, self.images, self.known) = (digest, images, known)
  }

  private static func checksum(_ data: Data) -> String {
    let hash = SHA256Hash()
    data.withUnsafeBytes { hash.add($0) }
    return hash.digest()
  }
}
