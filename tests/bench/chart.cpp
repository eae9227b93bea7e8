#include "bench/chart.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace tributary::test {
namespace {

constexpr int kRowHeight = 22, kLabelWidth = 330, kPanelWidth = 190, kPanelGap = 40, kTop = 64, kBottom = 34;

constexpr double kRatioMost = 10;  // longer bars are cut off; their figures are beside them
constexpr const char* kValueStyle = "font-size=\"11\" stroke=\"white\" stroke-width=\"3\" paint-order=\"stroke\"";

struct Panel {
  const char* title;
  const char* hint;
  std::optional<double> Result::*ratio;
  const char* colour;
};

constexpr Panel kPanels[] = {{"throughput", "longer is better", &Result::throughput_ratio, "#2b6cb0"},
                             {"bytes on the wire", "shorter is better", &Result::wire_ratio, "#2f855a"},
                             {"CPU", "shorter is better", &Result::cpu_ratio, "#b7791f"}};

std::string escaped(const std::string& text) {
  std::string xml;
  for (const char c : text) {
    if (c == '&') {
      xml += "&amp;";
    } else if (c == '<') {
      xml += "&lt;";
    } else {
      xml += c;
    }
  }
  return xml;
}

std::string text_at(int x, int y, const std::string& text, const char* style) {
  return print("<text x=\"%d\" y=\"%d\" %s>%s</text>\n", x, y, style, escaped(text).c_str());
}

// A panel's scale ends at its largest ratio, shows 1 in any case, and lets no single bar flatten the others.
double scale_end(const Panel& panel, const std::vector<Result>& shown) {
  double most = 1.25;
  for (const Result& result : shown) most = std::max(most, (result.*panel.ratio).value_or(0));
  return std::min(most, kRatioMost);
}

std::string draw(const Panel& panel, int x, const std::vector<Result>& shown) {
  const double end = scale_end(panel, shown);
  const double pixels = kPanelWidth / end;
  const int bottom = kTop + kRowHeight * static_cast<int>(shown.size());
  std::string svg = text_at(x, kTop - 28, panel.title, "font-weight=\"bold\"") +
                    text_at(x, kTop - 12, panel.hint, "fill=\"#555\" font-size=\"11\"");
  const int one = x + static_cast<int>(pixels);
  svg += print("<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#333\" stroke-dasharray=\"3 3\"/>\n", one,
               kTop - 4, one, bottom + 4) +
         text_at(one - 3, bottom + 18, "1", "fill=\"#333\" font-size=\"11\"");
  int y = kTop;
  for (const Result& result : shown) {
    if (const std::optional<double> ratio = result.*panel.ratio) {
      const int length = std::max(1, static_cast<int>(std::min(*ratio, end) * pixels));
      svg += print("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", x, y + 4, length,
                   kRowHeight - 8, panel.colour);
      svg += text_at(x + length + 4, y + 15, print("%.2f", *ratio), kValueStyle);
    }
    y += kRowHeight;
  }
  return svg;
}

std::string svg_of(const std::vector<Result>& shown) {
  const int panels = static_cast<int>(std::size(kPanels));
  const int width = kLabelWidth + panels * (kPanelWidth + kPanelGap) + 10;
  const int height = kTop + kRowHeight * static_cast<int>(shown.size()) + kBottom;
  std::string svg = print(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\""
      " font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
      width, height, width, height, width, height);
  svg += text_at(10, 22, "tributary / peer", "font-weight=\"bold\" font-size=\"15\"");
  for (size_t row = 0; row < shown.size(); ++row) {
    const int y = kTop + kRowHeight * static_cast<int>(row);
    if (row % 2 == 1)
      svg += print("<rect x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#f4f5f7\"/>\n", y, width, kRowHeight);
    svg += text_at(10, y + 15, shown[row].label(), "");
  }
  for (int panel = 0; panel < panels; ++panel)
    svg += draw(kPanels[panel], kLabelWidth + panel * (kPanelWidth + kPanelGap), shown);
  return svg + "</svg>\n";
}

}  // namespace

void write_chart(const std::filesystem::path& file, const std::vector<Result>& results) {
  std::vector<Result> shown;
  for (const Result& result : results) {
    if (result.throughput_ratio || result.wire_ratio || result.cpu_ratio) shown.push_back(result);
  }
  std::ofstream out(file);
  out << svg_of(shown);
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace tributary::test
