import ImageData

/// Images that lie in a folder as files.
package protocol ListedImages: ImageSource {
  /// The folder's path.
  var root: String { get }
  /// Size of an image's file; `nil` if there is none.
  func byteCount(at index: Int) -> Int?
}

extension ImageFolder: ListedImages {}
