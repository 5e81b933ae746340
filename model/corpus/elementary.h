/*
 * elementary.h -- internal to the corpus: exp, ln, pow, sin and tanh with the same bits everywhere.
 *
 * C libraries round these differently from one architecture to the next, and a simulated label
 * hangs on such bits (who crosses a threshold first).  These use only operations that IEEE 754
 * rounds exactly (+ - * / and scaling by powers of two), in a fixed order, and are good to 2 ulp
 * (pow: to |y ln x| ulp).  Built without contraction into fused operations (-ffp-contract=off).
 *
 * Source: argument reduction in several parts after Cody & Waite, Software Manual for the
 * Elementary Functions, 1980; series of Taylor.
 */
#ifndef MW_CORPUS_ELEMENTARY_H
#define MW_CORPUS_ELEMENTARY_H

double mw_exp(double x);           /* inf above 709.7, 0 below -745 */
double mw_ln(double x);            /* -inf at 0, NaN below */
double mw_pow(double x, double y); /* x >= 0; 1 where y is 0 */
double mw_sin(double x);           /* |x| up to 1e6 */
double mw_tanh(double x);
double mw_square(double x);

#endif
