import Foundation
import TensorGraph

/// Writes a state dict as `torch.save` does, whole or not at all: `torch.load` reads it, with
/// `weights_only` as well. What Trompe knows of the network is an entry beside the tensors, which
/// PyTorch ignores.
package enum TorchWriter {
  private static let folder = "archive/"
  /// PyTorch's own, so that its readers may map the file.
  private static let alignment = 64

  /// - Throws: `CheckpointError` if it cannot be written; an old file of that name is then intact.
  package static func write(
    to target: FileTarget, _ entries: [StateDictEntry], metadata: [String: String]
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let notes = try encoder.encode(metadata)
    try WholeFile.replace(target) { temporary in
      let descriptor = try temporary.create()
      defer { close(descriptor) }
      var archive = ZipWriter(descriptor, path: target.path)
      try archive.add(folder + TorchFile.pickleName, pickle(entries), alignment: alignment)
      try archive.add(folder + "byteorder", "little".utf8, alignment: alignment)
      for (number, entry) in entries.enumerated() {
        try archive.add(
          folder + "data/\(number)", size: entry.byteCount, alignment: alignment
        ) { write in try entry.withBytes(write) }
      }
      try archive.add(folder + TorchFile.metadataName, notes, alignment: alignment)
      try archive.add(folder + "version", "3\n".utf8, alignment: alignment)
      try archive.finish()
    }
  }

  /// An `OrderedDict` of tensors, each the whole of its own storage; protocol 2.
  private static func pickle(_ entries: [StateDictEntry]) -> [UInt8] {
    var bytes: [UInt8] = [0x80, 2]
    func global(_ module: String, _ name: String) { bytes += Array("c\(module)\n\(name)\n".utf8) }
    func text(_ text: String) {
      bytes.append(UInt8(ascii: "X"))
      number(text.utf8.count, 4)
      bytes += Array(text.utf8)
    }
    func number(_ value: Int, _ count: Int) {
      for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }
    func integer(_ value: Int) {
      if let small = Int32(exactly: value) {
        bytes.append(UInt8(ascii: "J"))
        number(Int(small), 4)
      } else {
        bytes += [0x8a, 8]
        number(value, 8)
      }
    }
    /// Between mark and the operation that makes a tuple of it.
    func tuple(_ body: () -> Void) {
      bytes.append(UInt8(ascii: "("))
      body()
      bytes.append(UInt8(ascii: "t"))
    }
    func emptyDictionary() {
      global("collections", "OrderedDict")
      bytes += Array(")R".utf8)
    }
    emptyDictionary()
    bytes.append(UInt8(ascii: "("))
    for (key, entry) in entries.enumerated() {
      text(entry.name)
      global("torch._utils", "_rebuild_tensor_v2")
      tuple {
        tuple {
          text("storage")
          global("torch", entry.isInteger ? "LongStorage" : "FloatStorage")
          text("\(key)")
          text("cpu")
          integer(entry.shape.count)
        }
        bytes.append(UInt8(ascii: "Q"))
        integer(0)
        tuple { for extent in entry.shape.dimensions { integer(extent) } }
        tuple {
          for axis in entry.shape.dimensions.indices {
            integer(entry.shape.dimensions[(axis + 1)...].reduce(1, *))
          }
        }
        bytes.append(0x89)
        emptyDictionary()
      }
      bytes.append(UInt8(ascii: "R"))
    }
    bytes += Array("u.".utf8)
    return bytes
  }
}
