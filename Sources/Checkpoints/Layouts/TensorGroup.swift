import TensorFiles
import TensorGraph

/// The arrays of a container whose names begin so, under the rest of their names: one of several
/// networks in a file.
struct TensorGroup: TensorContainer {
  let container: any TensorContainer
  /// With the dot or slash at its end.
  let prefix: String
  let tensors: [StoredTensor]

  var path: String { container.path }

  /// - Parameter group: what comes before the names, with or without the dot or slash at its end.
  /// - Throws: `CheckpointError` if no name begins so, naming what they do begin with.
  init(_ group: String, of container: any TensorContainer) throws {
    let names = container.tensors.map(\.name)
    let candidates = [group, group + "/", group + "."]
    let found = candidates.first { candidate in
      (candidate.hasSuffix("/") || candidate.hasSuffix("."))
        && names.contains { $0.hasPrefix(candidate) }
    }
    guard let prefix = found else {
      throw CheckpointError(
        path: container.path,
        "has no arrays in a group \"\(printable(group, atMost: 100))\", which network.group "
          + "(--group) names; their names begin with \(Self.beginnings(of: names))")
    }
    (self.container, self.prefix) = (container, prefix)
    tensors = container.tensors.filter { $0.name.hasPrefix(prefix) }.map {
      StoredTensor(
        name: String($0.name.dropFirst(prefix.count)), shape: $0.shape, elementType: $0.elementType)
    }
  }

  /// Up to the first slash, or the first dot if there is none; the first few.
  private static func beginnings(of names: [String]) -> String {
    let most = 10
    var beginnings: [String] = []
    for name in names {
      guard let end = name.firstIndex(of: "/") ?? name.firstIndex(of: ".") else { continue }
      let beginning = "\"\(printable(String(name[...end]), atMost: 60))\""
      if !beginnings.contains(beginning) { beginnings.append(beginning) }
      if beginnings.count > most { break }
    }
    guard !beginnings.isEmpty else { return "no group" }
    return beginnings.prefix(most).joined(separator: ", ")
      + (beginnings.count > most ? ", …" : "")
  }

  func readBlocks(
    of name: String, multipleOf alignment: Int, into buffer: UnsafeMutableBufferPointer<Float>?,
    _ body: (Int, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    try container.readBlocks(of: prefix + name, multipleOf: alignment, into: buffer, body)
  }

  func readIntegers(_ name: String) throws -> [Int64] {
    try container.readIntegers(prefix + name)
  }
}
