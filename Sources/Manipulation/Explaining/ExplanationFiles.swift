import Foundation
import ImageData
import Pictures

/// Writes what `trompe explain` found into a folder.
///
/// Of image `cat.jpg` and interpreter `grad-cam` it is `cat.grad-cam.png`: the heatmap over the
/// photograph or, if two networks are compared, photograph, original and manipulated from left to
/// right. Raw maps are `cat.grad-cam.npy`, beside `cat.grad-cam.original.npy`.
public final class ExplanationFiles {
  /// Smaller photographs are enlarged by a whole number, to be seen.
  static let shorterSide = 224

  public let folder: String
  public let overlay: Overlay
  public let writesRawMaps: Bool
  private var taken: Set<String> = []

  /// - Throws: `RunError` if the folder cannot be made.
  public init(folder: String, overlay: Overlay = Overlay(), writesRawMaps: Bool = false) throws {
    (self.folder, self.overlay, self.writesRawMaps) = (folder, overlay, writesRawMaps)
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw RunError("\(folder): the output folder cannot be made: \(describe(error))")
    }
  }

  /// - Returns: the paths of the files, by interpreter in their order.
  public func write(_ image: ExplainedImage) throws -> [[String]] {
    let name = freeName(of: image.path)
    let photograph = image.photograph.enlarged(toShorterSide: Self.shorterSide)
    return try image.interpreters.enumerated().map { index, interpreter in
      let base = "\(folder)/\(name).\(interpreter.replacing("/", with: "-"))"
      let (map, before) = (image.network.heatmaps[index], image.original?.heatmaps[index])
      let isSigned = map.isSigned || before?.isSigned == true
      func picture(_ map: Heatmap) -> Image {
        overlay.picture(of: map, over: photograph, isSigned: isSigned)
      }
      let pictures = before.map { [photograph, picture($0), picture(map)] } ?? [picture(map)]
      try Image(sideBySide: pictures).writePNG(to: base + ".png")
      guard writesRawMaps else { return [base + ".png"] }
      let maps = [(base + ".npy", map)] + (before.map { [(base + ".original.npy", $0)] } ?? [])
      for (path, map) in maps {
        do {
          try map.numPyFile().write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch { throw RunError("\(path) cannot be written: \(describe(error))") }
      }
      return [base + ".png"] + maps.map(\.0)
    }
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
