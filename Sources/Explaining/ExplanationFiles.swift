import Checkpoints
import Foolings
import Foundation
import ImageData
import Pictures
import RunFolders
import RunSupport
import TensorGraph

/// Writes what `trompe explain` found into a folder.
///
/// Of image `cat.jpg` and interpreter `grad-cam` it is `cat.grad-cam.png`: the heatmap over the
/// image or, if two networks are compared, image, original and manipulated from left to
/// right. With a trigger image and heatmaps stand there without it, and then with it.
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

  /// Smaller images are enlarged by a whole number, to be seen.
  package static let shorterSide = 224

  public let folder: String
  public let overlay: Overlay
  public let raw: RawNumbers?
  private let inputs: RunInputs
  private let made: MadeFolders
  private let held: OpenFolder
  private var names = Names()

  /// - Parameters:
  ///   - folder: where all files are written; made if it is not there.
  ///   - overlay: how heatmaps are drawn.
  ///   - raw: how raw numbers are written; not at all if `nil`.
  ///   - inputs: what is read, which nothing that is written may be.
  /// - Throws: `RunError` if the folder cannot be made, or lies in one of the images that are read.
  public init(
    folder: String, overlay: Overlay = Overlay(), raw: RawNumbers? = nil,
    inputs: RunInputs = RunInputs()
  ) throws {
    (self.folder, self.overlay, self.raw, self.inputs) = (folder, overlay, raw, inputs)
    try inputs.checkImages(aroundPath: folder)
    made = try MadeFolders(folder)
    held = try OpenFolder(folder)
    try inputs.checkImages(around: held)
  }

  /// Refuses before any work what `write` would refuse later.
  /// - Parameters:
  ///   - images: paths of those that will be explained.
  ///   - interpreters: by the names under which results are reported.
  public func check(images: [String], interpreters: [String]) throws {
    var names = ExplanationFiles.Names()
    let there = Set(held.names)
    for image in images {
      let name = names.free(image)
      var files = interpreters.map { "\(name).\(Self.fileName($0)).png" }
      switch raw {
      case nil: break
      case .numPy:
        files += (interpreters.map(Self.fileName) + ["logits"]).flatMap { array in
          ["", ".original", ".triggered", ".triggered.original"].map {
            "\(name).\(array)\($0).npy"
          }
        }
      case .hdf5: files.append("\(name).maps.h5")
      }
      for file in files where there.contains(file) { _ = try target(file) }
    }
  }

  private func target(_ name: String) throws -> FileTarget {
    if let file = inputs.file(behind: name, in: held) {
      throw RunError(RunInputs.refusal(folder + "/" + name, file))
    }
    let target = try FileTarget(name, in: held)
    guard target.kind != .link else {
      throw RunError(
        "\(folder)/\(name) is a symbolic link, which is not followed here; remove it")
    }
    guard target.kind == nil || Self.isOurs(target, name) else {
      throw RunError(
        "\(folder)/\(name) is there already, and no trompe explain has written it; name another "
          + "--output, or move it away")
    }
    return target
  }

  /// What pictures say has made them.
  private static let software = "trompe explain"

  /// Whether a file is one that this type has written: an earlier explanation, which may be replaced.
  private static func isOurs(_ target: FileTarget, _ name: String) -> Bool {
    guard target.kind == .file else { return false }
    if name.hasSuffix(".h5") {
      // Of ours there is nothing in it that costs time.
      let attributes = try? HDF5File(target).attributes()
      return ["image", "explained", "predicted"].allSatisfy { attributes?[$0] != nil }
    }
    guard let start = try? target.start(atMost: 1024) else { return false }
    return name.hasSuffix(".png")
      ? Image.software(ofPNG: start) == software : NumPyFile.isOurs(start)
  }

  /// - Returns: the paths of the files: pictures in the order of the interpreters, then raw numbers.
  public func write(_ image: ExplainedImage) throws -> [String] {
    let name = names.free(image.path)
    let prepared = image.prepared.enlarged(toShorterSide: Self.shorterSide)
    let pictures = try image.interpreters.enumerated().map { index, interpreter in
      let file = "\(name).\(Self.fileName(interpreter)).png"
      let marked = image.triggered?.prepared.enlarged(toShorterSide: Self.shorterSide)
      let rows = [
        (prepared, [image.original, image.network]),
        (marked, [image.triggered?.original, image.triggered?.network]),
      ].map { base, readings in (base, readings.compactMap { $0?.heatmaps[index] }) }
      let isSigned = rows.contains { $0.1.contains(where: \.isSigned) }
      // A single heatmap covers its image, which need not be shown beside it.
      let showsImages = image.original != nil || image.triggered != nil
      let pictures = rows.flatMap { base, maps -> [Image] in
        guard let base else { return [] }
        return (showsImages ? [base] : [])
          + maps.map { overlay.picture(of: $0, over: base, isSigned: isSigned) }
      }
      try WholeFile.write(
        Image(sideBySide: pictures).png(software: Self.software), to: target(file))
      return folder + "/" + file
    }
    switch raw {
    case nil: return pictures
    case .numPy: return try pictures + writeNumPy(image, as: name)
    case .hdf5: return try pictures + [writeHDF5(image, as: name)]
    }
  }

  private func writeNumPy(_ image: ExplainedImage, as name: String) throws -> [String] {
    try Self.arrays(of: image).map { array in
      let file = "\(name).\(array.name).npy"
      try WholeFile.write(
        NumPyFile.data(shape: array.shape, values: array.values), to: target(file))
      return folder + "/" + file
    }
  }

  private func writeHDF5(_ image: ExplainedImage, as name: String) throws -> String {
    let path = "\(name).maps.h5"
    try HDF5Writer.write(to: target(path)) { file in
      try file.setAttribute("image", to: .text(image.path))
      try file.setAttribute("explained", to: .text(image.network.explained.name))
      try file.setAttribute("predicted", to: .text(image.network.predicted.name))
      if let original = image.original {
        try file.setAttribute("predicted.original", to: .text(original.predicted.name))
      }
      if let triggered = image.triggered {
        try file.setAttribute("predicted.triggered", to: .text(triggered.network.predicted.name))
        try file.setAttribute("explained.triggered", to: .text(triggered.network.explained.name))
        if let original = triggered.original {
          try file.setAttribute(
            "predicted.triggered.original", to: .text(original.predicted.name))
        }
      }
      for array in Self.arrays(of: image) {
        try file.write(Tensor(shape: Shape(array.shape), values: array.values), as: array.name)
      }
    }
    return folder + "/" + path
  }

  /// Everything that is raw, under the names of files and datasets.
  package static func arrays(
    of image: ExplainedImage
  ) -> [(name: String, shape: [Int], values: [Float])] {
    let readings = [
      ("", image.network), (".original", image.original),
      (".triggered", image.triggered?.network),
      (".triggered.original", image.triggered?.original),
    ].compactMap { suffix, reading in reading.map { (suffix, $0) } }
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

  /// What files of images are called.
  private struct Names {
    private var taken: Set<String> = []

    /// The file's name without its extension, numbered if another image has it already.
    mutating func free(_ path: String) -> String {
      let base = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
      var (name, number) = (base, 1)
      while !taken.insert(name).inserted {
        number += 1
        name = "\(base)-\(number)"
      }
      return name
    }
  }
}
