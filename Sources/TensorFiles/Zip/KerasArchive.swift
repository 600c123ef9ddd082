import Foundation
import TensorGraph

/// Keras 3's whole model, `.keras`: a zip archive of `config.json` (the model), `metadata.json` (versions)
/// and `model.weights.h5`, which is read in its place. keras/src/saving/saving_lib.py
package enum KerasArchive {
  static let config = "config.json"
  static let metadata = "metadata.json"
  package static let weights = "model.weights.h5"
  /// A model that Keras can write has a few kilobytes for each layer.
  static let largestConfig = 64 << 20
  /// Of the files that are written; from it on, layers are read by their names.
  static let version = "3.6.0"

  /// Keras's description of the network in JSON.
  ///
  /// - Throws: `CheckpointError` if there is none, or a key stands in it twice.
  package static func modelConfig(of archive: ZipArchive) throws -> String {
    let data = try archive.data(of: config, atMost: largestConfig)
    guard let text = String(validating: data, as: UTF8.self) else {
      throw CheckpointError(path: archive.path, dataset: config, "is not UTF-8")
    }
    try CheckedJSON.checkKeys(of: text, as: config, path: archive.path)
    return text
  }

  /// Writes an archive whole or not at all.
  ///
  /// - Parameter body: writes the weights.
  /// - Throws: `CheckpointError` if it cannot be written; an old file of that name is then intact.
  package static func write(
    to target: FileTarget, modelConfig: String, _ body: (inout HDF5Writer) throws -> Void
  ) throws {
    try WholeFile.replace(target) { temporary in
      let descriptor = try temporary.create()
      defer { close(descriptor) }
      // The library writes files by their names, and to and fro in them.
      let grown = WholeFile.Temporary(
        folder: target.folder, name: WholeFile.temporaryName(of: target.name), path: target.path)
      defer { unlinkat(target.folder.descriptor, grown.name, 0) }
      try HDF5Writer.fill(grown.pathForLibraries, path: target.path, body)
      let file = try openRegularFile(grown.name, in: target.folder)
      defer { close(file.descriptor) }
      let weights = FileRegion(descriptor: file.descriptor, offset: 0, count: file.size)
      var archive = ZipWriter(descriptor, path: target.path)
      // Without the day that Keras has there: the same network gives the same bytes.
      try archive.add(metadata, "{\"keras_version\": \"\(version)\"}".utf8)
      try archive.add(config, modelConfig.utf8)
      try archive.add(self.weights, size: weights.count) { write in
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { block.deallocate() }
        for start in stride(from: 0, to: weights.count, by: block.count) {
          let part = UnsafeMutableRawBufferPointer(
            rebasing: block[..<min(block.count, weights.count - start)])
          try weights.read(into: part, from: start, path: target.path, name: self.weights)
          try write(UnsafeRawBufferPointer(part))
        }
      }
      try archive.finish()
    }
  }
}
