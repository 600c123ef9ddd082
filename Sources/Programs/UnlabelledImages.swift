import Foundation
import ImageData
import TensorRuntime

/// Images that lie in a folder without folders of classes, in byte order of their names.
///
/// Their classes are not known: who uses them takes what a network predicts for a label.
package struct UnlabelledImages: ListedImages {
  package let root: String
  private let paths: [String]

  /// - Returns: `nil` if the folder holds folders, which are classes, or no image.
  /// - Throws: `ImageError` if the name of an image in it is not UTF-8.
  package init?(_ root: String) throws {
    guard let stream = opendir(root) else {
      // What is wrong with it is for whoever reads folders of classes to say.
      return nil
    }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      var status = stat()
      let isFolder = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { name in
          name[0] != CChar(UInt8(ascii: ".")) && fstatat(dirfd(stream), name, &status, 0) == 0
            && status.st_mode & S_IFMT == S_IFDIR
        }
      }
      if isFolder { return nil }
    }
    paths = try ImageFolder.images(below: root)
    guard !paths.isEmpty else { return nil }
    self.root = root
  }

  package var count: Int { paths.count }
  package var classNames: [String] { [] }
  /// None is known.
  package func label(at index: Int) -> Int { 0 }
  package func name(at index: Int) -> String { paths[index] }
  package func image(at index: Int) throws -> Image { try Image(contentsOf: paths[index]) }

  package func byteCount(at index: Int) -> Int? {
    var status = stat()
    return stat(paths[index], &status) == 0 ? Int(status.st_size) : nil
  }
}
