import Foolings
import Foundation
import RunSupport

/// For which class an image is explained.
public enum ExplainedClass: Hashable, Sendable {
  /// The one of the largest logit; by the original network, if there is one, for both.
  case predicted
  /// The one that the image's folder is named after, as success rates have it.
  case label
  /// By name or number, the same for all images.
  case named(String)

  /// As on the command line: `predicted`, `label`, or a class.
  public init(_ text: String) {
    switch text {
    case "predicted": self = .predicted
    case "label": self = .label
    default: self = .named(text)
    }
  }

  /// The class of each image; `nil` if it is the predicted one.
  /// - Parameters:
  ///   - images: paths of the files.
  ///   - names: of all classes.
  ///   - areKnown: whether the names are those of the network's file or the options, and not numbers.
  /// - Throws: `RunError` for a class that does not exist, and an image without a label.
  package func classes(
    of images: [String], names: [String], areKnown: Bool
  ) throws(RunError) -> [Int]? {
    switch self {
    case .predicted: return nil
    case .named(let name):
      return [Int](repeating: try classIndex(of: name, among: names), count: images.count)
    case .label:
      guard areKnown else {
        throw RunError(
          "--class label needs the names of the network's classes, which its file does not hold; list "
            + "them with --set network.classNames=[…], or explain the predicted class")
      }
      let known = Set(names)
      return try images.map { path throws(RunError) in
        // The nearest folder that is named like a class: images may lie deeper in it.
        let folders = URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent()
          .pathComponents
        guard let name = folders.reversed().first(where: known.contains) else {
          throw RunError(
            "\(path): has no label, since no folder that it lies in is named like a class; explain the "
              + "predicted class, or name one with --class")
        }
        do { return try classIndex(of: name, among: names) } catch {
          throw RunError("\(path): \(error)")
        }
      }
    }
  }
}
