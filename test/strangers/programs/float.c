/*
 * Floating point as a user of C sees it: arithmetic, conversions, the library's functions, rounding modes, exceptions,
 * and printf. What it prints must not depend on the machine.
 */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bits(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static uint32_t bitsf(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

int main(void) {
  static volatile double values[] = {0.0, -0.0, 1.0, -1.5, 1e-310, 4.9e-324, 1e308, -1e308, 0.1, 3.141592653589793,
                                     HUGE_VAL, 123456789.123, -7.25, 2147483648.5, 9.3e18, 1.0 / 3};
  const int n = sizeof values / sizeof values[0];
  for (int m = 0; m < 4; m++) {
    fesetround(modes[m]);
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double a = values[i], b = values[j];
        feclearexcept(FE_ALL_EXCEPT);
        double sum = a + b, product = a * b, quotient = a / b, fused = fma(a, b, -product);
        float single = (float)a * (float)b;
        printf("%d %2d %2d %016llx %016llx %016llx %016llx %08x %x\n", m, i, j, (unsigned long long)bits(sum),
               (unsigned long long)bits(product), (unsigned long long)bits(quotient), (unsigned long long)bits(fused),
               (unsigned)bitsf(single), (unsigned)fetestexcept(FE_ALL_EXCEPT));
      }
      double root = sqrt(fabs(values[i]));
      printf("sqrt %016llx rint %016llx llrint %lld %ld %d %lu\n", (unsigned long long)bits(root),
             (unsigned long long)bits(rint(values[i])), llrint(values[i]), (long)values[i], (int)values[i],
             (unsigned long)fabs(values[i]));
    }
  }
  fesetround(FE_TONEAREST);
  for (int i = 0; i < n; i++) {
    double x = values[i];
    printf("%.17g %e %f %a | %.17g %.17g %.17g %.17g %.17g\n", x, x, fabs(x) < 1e20 ? x : 0, x, sin(x), exp(-fabs(x)),
           log(fabs(x) + 1), pow(fabs(x), 0.3), atan2(x, 2));
  }
  double pi = 0;
  for (int k = 200000; k >= 0; k--) pi += (k % 2 ? -4.0 : 4.0) / (2 * k + 1);
  printf("%.15f %.9g %s\n", pi, strtod("2.718281828459045235", 0), DBL_DIG == 15 ? "ok" : "?");
  return 42;
}
