import Checkpoints
import Foundation
import ImageData
import Pictures
import TensorGraph

/// Writes what `trompe explain` found into a folder.
///
/// Of image `cat.jpg` and interpreter `grad-cam` it is `cat.grad-cam.png`: the heatmap over the
/// photograph or, if two networks are compared, photograph, original and manipulated from left to
/// right.
public final class ExplanationFiles {
  /// The numbers themselves: heatmaps, unscaled, and logits.
  public enum RawNumbers: Sendable {
    /// `cat.grad-cam.npy`, [height, width], and `cat.logits.npy`, [classes]; the original network's
    /// beside them as `cat.grad-cam.original.npy` and `cat.logits.original.npy`.
    case numPy
    /// All of an image in `cat.maps.h5`, as datasets `grad-cam`, `logits`, `grad-cam.original` and
    /// `logits.original`, with the names of image and classes as attributes of the root.
    case hdf5
  }

  /// Smaller photographs are enlarged by a whole number, to be seen.
  static let shorterSide = 224

  public let folder: String
  public let overlay: Overlay
  public let raw: RawNumbers?
  private var taken: Set<String> = []

  /// - Throws: `RunError` if the folder cannot be made.
  public init(folder: String, overlay: Overlay = Overlay(), raw: RawNumbers? = nil) throws {
    (self.folder, self.overlay, self.raw) = (folder, overlay, raw)
    try makeFolder(folder)
  }

  /// - Returns: the paths of the files: pictures in the order of the interpreters, then raw numbers.
  public func write(_ image: ExplainedImage) throws -> [String] {
    let name = freeName(of: image.path)
    let photograph = image.photograph.enlarged(toShorterSide: Self.shorterSide)
    let pictures = try image.interpreters.enumerated().map { index, interpreter in
      let path = "\(folder)/\(name).\(Self.fileName(interpreter)).png"
      let (map, before) = (image.network.heatmaps[index], image.original?.heatmaps[index])
      let isSigned = map.isSigned || before?.isSigned == true
      func picture(_ map: Heatmap) -> Image {
        overlay.picture(of: map, over: photograph, isSigned: isSigned)
      }
      let pictures = before.map { [photograph, picture($0), picture(map)] } ?? [picture(map)]
      try Image(sideBySide: pictures).writePNG(to: path)
      return path
    }
    switch raw {
    case nil: return pictures
    case .numPy: return try pictures + writeNumPy(image, as: name)
    case .hdf5: return try pictures + [writeHDF5(image, as: name)]
    }
  }

  private func writeNumPy(_ image: ExplainedImage, as name: String) throws -> [String] {
    try Self.arrays(of: image).map { array in
      let path = "\(folder)/\(name).\(array.name).npy"
      do {
        try NumPyFile.data(shape: array.shape, values: array.values)
          .write(to: URL(fileURLWithPath: path), options: .atomic)
      } catch { throw RunError("\(path) cannot be written: \(describe(error))") }
      return path
    }
  }

  private func writeHDF5(_ image: ExplainedImage, as name: String) throws -> String {
    let path = "\(folder)/\(name).maps.h5"
    try HDF5Writer.write(to: path) { file in
      try file.setAttribute("image", to: .text(image.path))
      try file.setAttribute("explained", to: .text(image.network.explained.name))
      try file.setAttribute("predicted", to: .text(image.network.predicted.name))
      if let original = image.original {
        try file.setAttribute("predicted.original", to: .text(original.predicted.name))
      }
      for array in Self.arrays(of: image) {
        try file.write(Tensor(shape: Shape(array.shape), values: array.values), as: array.name)
      }
    }
    return path
  }

  /// Everything that is raw, under the names of files and datasets.
  private static func arrays(
    of image: ExplainedImage
  ) -> [(name: String, shape: [Int], values: [Float])] {
    let readings = [("", image.network)] + (image.original.map { [(".original", $0)] } ?? [])
    let maps = image.interpreters.enumerated().flatMap { index, interpreter in
      readings.map { suffix, reading in
        let map = reading.heatmaps[index]
        return (fileName(interpreter) + suffix, [map.height, map.width], map.values)
      }
    }
    return maps
      + readings.map { ("logits" + $0, [$1.logits.count], $1.logits) }
  }

  /// Layers may have a slash in their names.
  private static func fileName(_ interpreter: String) -> String {
    interpreter.replacing("/", with: "-")
  }

  /// The file's name without its extension, numbered if another image has it already.
  private func freeName(of path: String) -> String {
    let base = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    var (name, number) = (base, 1)
    while !taken.insert(name).inserted {
      number += 1
      name = "\(base)-\(number)"
    }
    return name
  }
}
