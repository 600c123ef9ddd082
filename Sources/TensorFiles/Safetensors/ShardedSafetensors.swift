import Foundation
import TensorGraph

/// Several `.safetensors` files by their index, `model.safetensors.index.json`:
/// `{"metadata": {…}, "weight_map": {"fc.weight": "model-00001-of-00002.safetensors", …}}`.
///
/// The files lie in the folder of the index: their names have no folders. Each is checked as
/// `SafetensorsFile` does, and together they must have the arrays that the index lists, no others.
package final class ShardedSafetensors: TensorContainer {
  package static let suffix = ".safetensors.index.json"
  static let largestIndex = 25_000_000
  static let mostFiles = 1000

  package let path: String
  package let tensors: [StoredTensor]
  /// Paths of the other files, sorted.
  package let parts: [String]
  private let files: [SafetensorsFile]
  /// By the array's name.
  private let places: [String: Int]

  private struct Index: Decodable {
    let weightMap: [String: String]

    enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
  }

  /// - Throws: `CheckpointError` if the index or one of its files cannot be read, or they do not agree.
  package init(path: String) throws {
    self.path = path
    let data = try readWhole(openRegularFile(path), atMost: Self.largestIndex, path: path)
    let index: Index
    do { index = try CheckedJSON.decode(Index.self, from: data) } catch {
      throw CheckpointError(
        path: path, "is not the index of a network in several safetensors files: \(error)")
    }
    let names = Set(index.weightMap.values).sorted()
    guard (1...Self.mostFiles).contains(names.count) else {
      throw CheckpointError(
        path: path, "names \(names.count) files, expected 1 to \(Self.mostFiles)")
    }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    var (files, parts): ([SafetensorsFile], [String]) = ([], [])
    for name in names {
      guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.utf8.contains(0)
      else {
        throw CheckpointError(
          path: path,
          "names the file \"\(printable(name, atMost: 200))\", which is not one of its own folder")
      }
      parts.append(folder + name)
      files.append(try SafetensorsFile(path: folder + name))
    }
    var places: [String: Int] = [:]
    var tensors: [StoredTensor] = []
    var problems: [CheckpointError.Problem] = []
    for (number, file) in files.enumerated() {
      for tensor in file.tensors {
        if index.weightMap[tensor.name] != names[number] {
          problems.append(
            .init(
              dataset: tensor.name,
              "is in \(printable(names[number])), where the index does not have it"))
        }
        places[tensor.name] = number
        tensors.append(tensor)
      }
    }
    for (name, file) in index.weightMap.sorted(by: { $0.key < $1.key }) where places[name] == nil {
      problems.append(.init(dataset: name, "is not in \(printable(file)), where the index has it"))
    }
    guard problems.isEmpty else { throw CheckpointError(path: path, problems: problems) }
    (self.files, self.places, self.parts) = (files, places, parts)
    self.tensors = tensors.sorted { $0.name < $1.name }
  }

  package func readBlocks(
    of name: String, multipleOf alignment: Int, into buffer: UnsafeMutableBufferPointer<Float>?,
    _ body: (Int, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    try file(name).readBlocks(of: name, multipleOf: alignment, into: buffer, body)
  }

  package func readIntegers(_ name: String) throws -> [Int64] { try file(name).readIntegers(name) }

  private func file(_ name: String) throws -> SafetensorsFile {
    guard let place = places[name] else {
      throw CheckpointError(path: path, dataset: name, "is missing")
    }
    return files[place]
  }
}
