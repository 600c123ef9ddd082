import Foundation

/// Photographs in ImageNet's layout: `root/class/*.jpg`, also `.jpeg` and `.png`, in either case.
///
/// Classes are the folders in alphabetical (byte) order, samples are ordered by class and then by
/// file name. Only names are held; an image is read when it is asked for. Hidden files and files
/// of other kinds are passed over; symbolic links are followed.
public struct ImageFolder: ImageSource {
  public let root: String
  public let classNames: [String]
  private let labels: [Int32]
  private let fileNames: [String]

  /// File name extensions of a sample, in lower case.
  public static let extensions: Set<String> = ["jpg", "jpeg", "png"]

  /// Lists the folder.
  /// - Parameters:
  ///   - root: path of the folder.
  ///   - explicitNames: the classes a label counts in, in order. A folder that is none of
  ///     them is an error, a class without a folder is not. The folders themselves when `nil`.
  /// - Throws: `ImageError` when the folder is missing or unreadable, holds no class folder, or a
  ///   class folder holds no image.
  public init(_ root: String, classNames explicitNames: [String]? = nil) throws(ImageError) {
    let folders = try ImageFolder.entries(of: root).filter { name in
      var isDirectory: ObjCBool = false
      return FileManager.default.fileExists(atPath: "\(root)/\(name)", isDirectory: &isDirectory)
        && isDirectory.boolValue
    }
    guard !folders.isEmpty else {
      throw ImageError(
        path: root, reason: "holds no class folders; the layout is folder/class/image.jpg")
    }
    let names = explicitNames ?? folders
    let labelOfName = Dictionary(
      names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var labels: [Int32] = []
    var fileNames: [String] = []
    for folder in folders {
      guard let label = labelOfName[folder] else {
        throw ImageError(
          path: "\(root)/\(folder)",
          reason: "this folder is none of the \(names.count) classes given")
      }
      let files = try ImageFolder.entries(of: "\(root)/\(folder)").filter { name in
        guard let dot = name.lastIndex(of: ".") else { return false }
        return ImageFolder.extensions.contains(name[name.index(after: dot)...].lowercased())
      }
      guard !files.isEmpty else {
        throw ImageError(
          path: "\(root)/\(folder)", reason: "this class folder holds no .jpg, .jpeg or .png file"
        )
      }
      fileNames += files
      labels += [Int32](repeating: Int32(label), count: files.count)
    }
    self.root = root
    self.classNames = names
    self.labels = labels
    self.fileNames = fileNames
  }

  /// Visible names in a folder in byte order, which does not depend on the locale.
  private static func entries(of path: String) throws(ImageError) -> [String] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw ImageError(path: path, reason: "no such folder")
    }
    guard isDirectory.boolValue else { throw ImageError(path: path, reason: "not a folder") }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path)
        .filter { !$0.hasPrefix(".") }
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw ImageError(
        path: path, reason: "the folder cannot be read: \(error.localizedDescription)")
    }
  }

  public var count: Int { fileNames.count }

  public func label(at index: Int) -> Int { Int(labels[index]) }

  public func name(at index: Int) -> String {
    "\(root)/\(classNames[label(at: index)])/\(fileNames[index])"
  }

  public func image(at index: Int) throws -> Image { try Image(contentsOf: name(at: index)) }
}
