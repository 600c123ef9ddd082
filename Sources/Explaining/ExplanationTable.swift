import Checkpoints
import Foundation
import RunFolders
import RunSupport
import TensorGraph

/// Writes what `trompe explain` found of many images into one HDF5 file, of which an image at a time is
/// in memory.
///
/// A dataset for each interpreter, [images, height, width], `logits`, [images, classes], `predicted` and
/// `explained`, [images], which are positions in `classes`, and `images`, the paths. What the original
/// network predicts ends in `.original`. An image that could not be read has no row.
public enum ExplanationTable {
  /// - Parameters:
  ///   - path: of the file, which must not be there. It has its name when it is whole.
  ///   - request: what will be explained.
  ///   - body: is given what appends an image.
  /// - Throws: `RunError` if the file is there, `CheckpointError` if it cannot be written, and what
  ///   `body` throws. Nothing is written then.
  public static func write(
    to path: String, of request: ExplanationRequest,
    _ body: (_ append: (ExplainedImage) throws -> Void) throws -> Void
  ) throws {
    try RunInputs(files: [request.network.checkpoint, request.original] + request.images)
      .check(target: path)
    guard !FileManager.default.fileExists(atPath: path) else {
      throw RunError("\(path) exists; name another file, or remove it")
    }
    try HDF5Writer.write(to: path) { file in
      try file.setAttribute("network", to: .text(request.network.checkpoint ?? ""))
      if let original = request.original {
        try file.setAttribute("original", to: .text(original))
      }
      let pathBytes = request.images.map(\.utf8.count).max() ?? 0
      var rows: [String: HDF5Writer.Rows] = [:]
      try body { image in
        if rows.isEmpty { rows = try begin(&file, like: image, pathBytes: pathBytes) }
        try append(image, to: &rows, of: &file)
      }
    }
  }

  private static func begin(
    _ file: inout HDF5Writer, like image: ExplainedImage, pathBytes: Int
  ) throws -> [String: HDF5Writer.Rows] {
    var rows: [String: HDF5Writer.Rows] = [:]
    func begin(_ name: String, _ row: HDF5Writer.Row, _ file: inout HDF5Writer) throws {
      rows[name] = try file.rows(row, as: name)
    }
    try begin("images", .text(bytes: pathBytes), &file)
    for (name, _) in classes(of: image) { try begin(name, .integer, &file) }
    for array in ExplanationFiles.arrays(of: image) {
      try begin(array.name, .floats(Shape(array.shape)), &file)
    }
    var names = try file.rows(
      .text(bytes: image.classNames.map(\.utf8.count).max() ?? 0), as: "classes")
    for name in image.classNames { try file.append(name, to: &names) }
    return rows
  }

  private static func append(
    _ image: ExplainedImage, to rows: inout [String: HDF5Writer.Rows], of file: inout HDF5Writer
  ) throws {
    try file.append(image.path, to: &rows["images"]!)
    for (name, index) in classes(of: image) { try file.append(Int32(index), to: &rows[name]!) }
    for array in ExplanationFiles.arrays(of: image) {
      try file.append(array.values, to: &rows[array.name]!)
    }
  }

  private static func classes(of image: ExplainedImage) -> [(name: String, index: Int)] {
    [
      ("explained", image.network.explained.index), ("predicted", image.network.predicted.index),
    ] + (image.original.map { [("predicted.original", $0.predicted.index)] } ?? [])
      + (image.triggered.map { triggered in
        [
          ("predicted.triggered", triggered.network.predicted.index),
          ("explained.triggered", triggered.network.explained.index),
        ]
          + (triggered.original.map { [("predicted.triggered.original", $0.predicted.index)] } ?? [])
      } ?? [])
  }
}
